"""What columns and files are called, in English and in French: the first half of a guess (values are the other half)."""

import re
import unicodedata

FILES = {
    "orders": (
        "orders order sales sale transactions transaction invoices invoice receipts tickets ticket purchases lines retail "
        "basket commandes commande ventes vente achats achat factures facture lignes caisse panier"
    ),
    "customers": (
        "customers customer clients client crm accounts account users members contacts subscribers newsletter comptes "
        "utilisateurs membres abonnes adherents fichier"
    ),
    "events": ("events event visits visit clicks sessions web logs mails emails opens tracking visites evenements navigation"),
    "answers": "survey surveys answers responses questionnaire enquete sondage reponses",
    "comments": "comments reviews feedback verbatims avis commentaires messages temoignages",
    "contacts": "campaigns campaign mailings mailing sendings campagnes campagne envois",
    "consents": "consents consent optin optins permissions consentements consentement rgpd gdpr",
    "market": "market areas insee population marche territoires",
}
"""Table: words in a file's name that speak for it."""

CUSTOMER = (
    "customerid customer customernumber customerno customernum customercode customerkey cust custid custno clientid "
    "client clientno idclient numclient numeroclient noclient nclient codeclient refclient userid user accountid "
    "account accountnumber memberid member membershipid contactid householdid household personid buyerid buyer "
    "shopperid consumerid loyaltyid loyaltycard cardnumber cardid subscriberid respondentid respondent visitorid "
    "cartefidelite numcarte carteclient idcarte compte comptid idcompte numcompte membre idmembre adherent idadherent "
    "numadherent abonne idabonne acheteur idacheteur utilisateur idutilisateur idpersonne idfoyer foyer repondant "
    "idrepondant idcontact codecontact subscriber who"
)
ROLES: dict[str, dict[str, str]] = {
    "orders": {
        "customer_id": CUSTOMER,
        "order_id": (
            "orderid order ordernumber orderno ordernum ordercode orderref invoiceno invoice invoiceid invoicenumber receipt "
            "receiptid receiptno ticket ticketid ticketno basketid basket transactionid transaction transactionno "
            "transactionnumber saleid purchaseid checkoutid billno bill commande idcommande numcommande numerocommande "
            "nocommande ncommande refcommande codecommande facture idfacture numfacture numerofacture nofacture idticket "
            "numticket noticket numeroticket panier idpanier vente idvente achat idachat idtransaction bon numbon id "
            "identifiant"
        ),
        "ordered_at": (
            "orderedat orderdate orderdatetime ordertime invoicedate purchasedate purchasedat purchasetime saledate saletime "
            "solddate transactiondate transactiontimestamp transactiontime receiptdate ticketdate datetime timestamp date day "
            "paidat paymentdate billdate orderpurchasetimestamp ordercreatedat datecommande datedecommande dateachat "
            "datefacture datevente dateticket datetransaction jour dateheure horodatage createdat when at moment datepiece"
        ),
        "amount": (
            "amount totalamount ordertotal orderamount linetotal lineamount linevalue total salesvalue salesamount sales "
            "revenue turnover netamount grossamount netsales totalprice totalvalue subtotal value paid paidamount amountpaid "
            "spend spending extendedprice price paymentvalue montant montanttotal montantttc montantht montantligne totalttc "
            "totalht totalligne prixtotal ca chiffredaffaires chiffreaffaires somme valeur net netttc netht ttc ht caht cattc "
            "montantnet"
        ),
        "quantity": (
            "quantity qty quantities units unitcount itemcount pieces nbitems quantite qte qty qtes nombre nb nbarticles "
            "nbunites quantitevendue quantitysold"
        ),
        "product_id": (
            "productid product productcode productno sku skuid stockcode item itemid itemcode itemno articleid article "
            "articleno codearticle refarticle idarticle reference ref produit idproduit codeproduit refproduit ean ean13 gtin "
            "upc asin barcode codebarre plu"
        ),
        "category": (
            "category categoryname productcategory productcategoryname department dept family productfamily productgroup "
            "producttype productline categorie categorieproduit famille famillearticle familleproduit rayon gamme groupe "
            "universe univers segmentproduit catname"
        ),
        "brand": "brand brandname make manufacturer marque fabricant",
        "discount": (
            "discount discountamount discountvalue retaildisc promoamount rebate remise montantremise rabais reduction "
            "montantreduction ristourne discounts"
        ),
        "coupon": "couponamount couponvalue coupondisc couponmatchdisc montantcoupon bonreduction montantbon",
        "channel": "channel saleschannel orderchannel canal canalvente canaldevente source medium shoptype",
        "store_id": (
            "storeid store storecode storeno shop shopid outlet outletid branch branchid pos posid magasin idmagasin "
            "codemagasin boutique idboutique pointdevente pdv agence idagence codepdv"
        ),
    },
    "customers": {
        "customer_id": CUSTOMER + " id identifiant identifier key number numero code ref",
        "first_name": "firstname givenname forename fname prenom prenoms",
        "last_name": "lastname surname familyname lname nom nomfamille nomdefamille name2",
        "email": ("email emailaddress mail mailaddress courriel adressemail adresseemail adressecourriel adrmail emailclient"),
        "phone": (
            "phone phonenumber telephone tel mobile mobilephone cellphone cell gsm portable numtel numerotelephone telmobile "
            "telportable telfixe notel"
        ),
        "street": ("street streetaddress address address1 addressline1 adresse adresse1 rue voie adressepostale adresseligne1 libellevoie"),
        "postcode": "postcode postalcode zip zipcode plz codepostal cp cpostal codepost postal",
        "city": "city town locality ville commune localite cityname",
        "birth_date": "birthdate dateofbirth dob birthday born datenaissance datedenaissance naissance nele neele ddn",
        "created_at": (
            "createdat created creationdate createdon createddate signupdate signedupat registrationdate registeredat "
            "registered joindate joinedat joined membersince subscribedat subscriptiondate customersince datecreation "
            "datedecreation dateinscription datedinscription inscritle creele clientdepuis dateadhesion dateabonnement "
            "enrolledat"
        ),
        "updated_at": (
            "updatedat updated updatedon lastupdate lastupdated lastmodified modifiedat modified modificationdate "
            "datemodification datemaj majle modifiele dernieremaj datemiseajour"
        ),
    },
    "events": {
        "customer_id": CUSTOMER,
        "occurred_at": (
            "occurredat eventdate eventtime eventat eventtimestamp timestamp datetime date visitdate visitedat visitat time "
            "day openedat clickedat dateevenement datevisite horodatage jour dateheure at moment when createdat"
        ),
        "kind": (
            "kind event eventtype eventname eventkind action actiontype type activity activitytype behaviour behavior "
            "evenement typeevenement nature typeaction"
        ),
        "channel": "channel canal medium source",
        "detail": "detail details page pageurl url path label object eventlabel libelle coupon couponupc",
        "device": "device devicetype devicecategory terminal appareil typeappareil platform plateforme support",
        "campaign_id": "campaignid campaign campaigncode utmcampaign idcampagne campagne codecampagne",
    },
    "answers": {
        "customer_id": CUSTOMER,
        "question": "question questionid questioncode item itemid q questionkey codequestion idquestion variable",
        "answer": "answer answervalue response reponse value valeur score answertext choice choix",
        "answered_at": (
            "answeredat answerdate responsedate respondedat submittedat completedat surveydate date timestamp datereponse "
            "dateenquete repondule datedereponse"
        ),
    },
    "comments": {
        "customer_id": CUSTOMER,
        "said_at": (
            "saidat commentdate commentedat reviewdate reviewedat postedat date timestamp createdat submittedat dateavis "
            "datecommentaire datemessage datedepot jour"
        ),
        "text": (
            "text comment comments commenttext review reviewtext message body content feedback verbatim avis commentaire "
            "texte remarque reviewcommentmessage temoignage"
        ),
        "channel": "channel canal source medium platform plateforme",
        "rating": "rating stars score reviewscore note etoiles nbetoiles satisfaction",
    },
    "contacts": {
        "customer_id": CUSTOMER,
        "campaign_id": (
            "campaignid campaign campaigncode campaignname mailing mailingid idcampagne campagne codecampagne nomcampagne operation"
        ),
        "sent_at": (
            "sentat sentdate senddate sentdatetime senton maileddate mailedat mailingdate contactdate contactedat dateenvoi envoi "
            "datedenvoi envoyele datecontact date timestamp"
        ),
        "channel": "channel canal medium",
        "responded_at": "respondedat responsedate responseat reponse respondeddate redeemedat datereponse datedereponse repondule",
        "arm": "arm testarm group testgroup treatment treated cell variant bras groupe groupetest traitement temoin",
        "kind": "kind contacttype mailingtype type typecontact nature",
        "cost": "cost contactcost unitcost cout coutcontact",
    },
    "consents": {
        "customer_id": CUSTOMER,
        "channel": "channel canal medium",
        "purpose": "purpose finalite usage objet but",
        "granted": (
            "granted consent consented consentgiven optin optedin accepted allowed status consentement accord accepte autorise statut"
        ),
        "updated_at": (
            "updatedat updated consentdate consentedat grantedat date timestamp changedat datemaj dateconsentement dateaccord "
            "modifiele datemodification"
        ),
    },
    "market": {
        "area": (
            "area areacode region regioncode department departement codedepartement dept dep zone territory codegeo codeinsee county state"
        ),
        "year": "year annee an millesime",
        "measure": "measure indicator metric variable statistic indicateur mesure libelleindicateur",
        "value": "value figure amount valeur chiffre obs obsvalue",
    },
}
"""Table, column of its contract: names that exports give it, written without blanks, accents and capitals."""

UNIT_PRICE = (
    "unitprice priceperunit itemprice unitamount priceeach listprice sellingprice price prixunitaire prixunit pu puht puttc prix unitcost"
)
"""A price of one piece: an amount once it is multiplied."""

RATES = "rate taux pct percent percentage pourcentage ratio".split()
"""Words in the name of a number that is no amount."""

TELLING = {
    "orders": {"amount": 1.5, "product_id": 1.0, "quantity": 1.0, "order_id": 1.5, "ordered_at": 0.5},
    "customers": {"email": 1.5, "last_name": 1.5, "first_name": 1.0, "birth_date": 1.0, "postcode": 0.5, "city": 0.5, "created_at": 0.5},
    "events": {"kind": 1.5, "device": 1.0, "detail": 0.5},
    "answers": {"question": 2.0, "answer": 1.5},
    "comments": {"text": 2.5, "rating": 0.5},
    "contacts": {"campaign_id": 1.0, "sent_at": 1.5, "arm": 1.0, "responded_at": 1.0},
    "consents": {"granted": 2.0, "purpose": 1.5},
    "market": {"measure": 2.0, "area": 1.0, "year": 0.5},
}
"""How much a column speaks for its table."""

PERSONAL = {
    "a name": (
        "fullname name customername clientname displayname nomcomplet nomprenom nomclient contactname username login pseudo initials"
    ),
    "an account or a number of state": (
        "iban bic creditcard cardpan ssn nir socialsecurity securitesociale numerosecuritesociale passport passeport "
        "idcard taxid nationalid"
    ),
    "an address of a machine or a place": (
        "ip ipaddress adresseip latitude lat longitude lon lng gps geolocation mac cookie cookieid deviceid"
    ),
    "a secret": "password passwd motdepasse mdp token secret pin",
    "a further line of the address": (
        "address2 address3 addressline2 addressline3 adresse2 adresse3 complement complementadresse housenumber numvoie "
        "numerovoie phone2 tel2 email2"
    ),
}
"""Columns that say who somebody is and that matching cannot use: what they are, and their names."""

COMPANY_UNITS = (
    "age income revenu revenus salary salaire kids children enfants nbenfants household householdsize size taille year annee score".split()
)
"""Numbers about a person that are no money spent."""
CANCELLED = ("cancelled canceled annulee annule annulée annulé refused refuse refusé refusée failed echec échec void test unpaid").split()
"""Values of a status that speak of an order that was none."""


STAFF = {*"personnel staff employee employees employe employes salarie salaries salariee collaborateur collaborateurs".split()}
"""Words in the name of a yes or no that says who works for the company."""


def tokens(name: str) -> list[str]:
    """A name as words in small letters without accents: `N° Client` and `numClient` are (n, client) and (num, client)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[a-z]+|\d+", plain.lower())


def _words_of(name: str) -> list[str]:
    """As `tokens`, figures left with the word before them."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return re.findall(r"[a-z0-9]+", plain.lower())


def joined(name: str) -> str:
    return "".join(tokens(name))


_WORDS = {(table, role): text.split() for table, roles in ROLES.items() for role, text in roles.items()}


def fit(name: str, table: str, role: str) -> float:
    """How well a column's name fits a role, 0 to 1: called so .9, nearly so .6; names listed first fit a little better."""
    return _fit(name, _WORDS[table, role])


def is_unit_price(name: str) -> bool:
    return _fit(name, UNIT_PRICE.split()) >= 0.6


def _fit(name: str, known: list[str]) -> float:
    whole, parts = joined(name), tokens(name)
    if whole in known:
        return 0.95 - 0.1 * known.index(whole) / len(known)
    stripped = "".join(p for p in parts if p not in ("the", "de", "du", "des", "la", "le", "d", "l", "n", "eur", "usd", "gbp", "utc"))
    if stripped and stripped in known:
        return 0.85 - 0.1 * known.index(stripped) / len(known)
    # Two words of a longer name, or one long word: `shop_customer_id` speaks of a customer, `idea` of nothing.
    pairs = {"".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1) if (i, j) != (0, len(parts))}
    near = [word for word in known if word in pairs and len(word) >= 4]
    return 0.45 + 0.2 * max(map(len, near)) / len(whole) if near else 0.0


def personal(name: str) -> str | None:
    """What a column that says who somebody is holds, by its name; None when it does not look so."""
    whole = joined(name)
    return next((what for what, words in PERSONAL.items() if whole in words.split()), None)


KEYS = {*"id ids identifiant identifier key cle no nr num numero number n code ref reference ean siret siren".split()}
"""Words in the name of a number that stands for somebody or something."""


def is_key(name: str) -> bool:
    """Whether a name says that its numbers are ids, however the word for it is joined: `loyalty_no`, `numClient`, `accountid`."""
    return bool(KEYS & set(tokens(name))) or joined(name) in CUSTOMER.split()


def speaks_of(file: str) -> str | None:
    """The table that a file's name speaks for."""
    parts = tokens(file)
    found = [(parts.index(word), table) for table, words in FILES.items() for word in words.split() if word in parts]
    return min(found)[1] if found else None


def identifier(name: str, taken: set[str]) -> str:
    """A column's name as an attribute: small letters, digits and underscores, unlike the others."""
    made = "_".join(_words_of(name)) or "column"
    made = made if made[0].isalpha() else f"c_{made}"
    number, result = 2, made
    while result in taken:
        result, number = f"{made}_{number}", number + 1
    return result
