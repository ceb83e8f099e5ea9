"""Tables of a PostgreSQL server, read with the engine's own means; the password comes from the environment, never from an address."""

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from helpers import NinefoldError
from helpers.engine.places import Place
from helpers.engine.rows import postgres_batches

TABLES = (
    "SELECT table_schema || '.' || table_name FROM information_schema.tables "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
)


def tables(address: str) -> list[str]:
    """Names of the tables, as schema.table, sorted.

    Raises NinefoldError when the server cannot be asked.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise NinefoldError(
            f"FROM: {address} is a PostgreSQL server, which needs the package psycopg. Install it: pip install 'ibis-framework[postgres]'."
        )
    import ibis

    parts = urlsplit(address)
    options = {"host": parts.hostname, "port": parts.port, "user": parts.username and unquote(parts.username)}
    options |= {"database": parts.path.lstrip("/"), "password": os.environ.get("PGPASSWORD")}
    try:
        con = ibis.postgres.connect(**{key: value for key, value in options.items() if value})
        with contextlib.closing(con.raw_sql(TABLES)) as found:
            return [name for (name,) in found.fetchall()]
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NinefoldError(f"FROM: {address} does not answer ({reason}). Is it up, and is PGPASSWORD set?") from error


def rows(address: str, table: str) -> tuple[list[str], Iterator[tuple]]:
    """Columns of a table and its rows.

    Raises NinefoldError when it cannot be read.
    """

    def fault(place: Place, text: str) -> NinefoldError:
        return NinefoldError(f"{place.shown} {text}")

    try:
        batches = list(postgres_batches(Place(f"{address}#{table}", "postgres", None, table), fault))
    except NinefoldError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NinefoldError(f"it cannot be read ({reason})") from error
    columns = batches[0].schema.names if batches else []
    return columns, (tuple(row.values()) for batch in batches for row in batch.to_pylist())
