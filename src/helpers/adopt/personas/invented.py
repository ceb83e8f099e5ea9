"""Invented first names for personas, by gender and generation, in either language; a name is a code until a page says it."""

NAMES = {
    "woman": (
        ("Isla", "Capucine"),
        ("Poppy", "Apolline"),
        ("Freya", "Lilou"),
        ("Heather", "Séverine"),
        ("Joanne", "Maud"),
        ("Tracey", "Sandrine"),
        ("Maureen", "Huguette"),
        ("Beryl", "Lucette"),
        ("Edna", "Raymonde"),
    ),
    "man": (
        ("Finley", "Titouan"),
        ("Callum", "Corentin"),
        ("Rory", "Maxence"),
        ("Gareth", "Fabrice"),
        ("Stuart", "Franck"),
        ("Craig", "Ludovic"),
        ("Cyril", "Lucien"),
        ("Stanley", "Fernand"),
        ("Wilfred", "Edmond"),
    ),
    "anyone": (
        ("Ashley", "Sacha"),
        ("Rowan", "Alix"),
        ("Quinn", "Ange"),
        ("Jocelyn", "Andréa"),
        ("Lindsay", "Maé"),
        ("Kerry", "Lou"),
        ("Leslie", "Camil"),
        ("Vivian", "Noa"),
        ("Evelyn", "Eden"),
    ),
}
"""Three of each generation, the youngest first: in English, in French."""
GENERATIONS = (35, 55)
"""Ages from which a persona has the names of the second and of the third generation."""
FEMALE = ("f", "female", "woman", "women", "w", "femme", "femmes", "mrs", "ms", "mme", "madame", "féminin")
MALE = ("m", "male", "man", "men", "h", "homme", "hommes", "mr", "monsieur", "masculin")


def gender_of(level: str | None) -> str:
    """woman, man or anyone, from what the customer file calls it."""
    told = (level or "").strip(" .").casefold()
    return "woman" if told in FEMALE else "man" if told in MALE else "anyone"


def generation_of(age: float | None) -> int:
    """0, 1 or 2; 1 where no age is known."""
    return 1 if age is None else sum(age >= border for border in GENERATIONS)


def draw(gender: str, generation: int, taken: set[str]) -> str:
    """The code of the first name of that gender and generation that nobody has yet, such as woman-3."""
    places = range(3 * generation, 3 * generation + 3)
    free = [f"{gender}-{place}" for place in places if f"{gender}-{place}" not in taken]
    return (free or [f"anyone-{place}" for place in range(9) if f"anyone-{place}" not in taken])[0]


def name_of(code: str) -> dict[str, str]:
    """The name in either language, as typed prose is."""
    gender, place = code.split("-")
    english, french = NAMES[gender][int(place)]
    return {"en": english, "fr": french}
