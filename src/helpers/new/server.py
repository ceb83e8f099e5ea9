"""Tables of a PostgreSQL server, read with the engine's own means; the password comes from the environment, never from an address."""

import contextlib
from pathlib import Path

from helpers import NinefoldError
from helpers.engine.places import Place
from helpers.engine.rows import connect, postgres_batches, write_batches
from helpers.project.addresses import without_user

TABLES = (
    "SELECT table_schema || '.' || table_name FROM information_schema.tables "
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
)


def tables(address: str) -> list[str]:
    """Names of the tables, as schema.table, sorted.

    Raises NinefoldError when the server cannot be asked.
    """
    try:
        with connect(address) as con, contextlib.closing(con.raw_sql(TABLES)) as found:
            return [name for (name,) in found.fetchall()]
    except NinefoldError as error:
        raise NinefoldError(f"FROM: {error}") from error
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NinefoldError(f"FROM: {without_user(address)} does not answer ({reason}). Is it up, and is PGPASSWORD set?") from error


def write(address: str, table: str, target: Path) -> Path | None:
    """The rows of a table as Parquet, streamed; None when it has none.

    Raises NinefoldError when it cannot be read.
    """

    def fault(place: Place, text: str) -> NinefoldError:
        return NinefoldError(f"{place.shown} {text}")

    try:
        return write_batches(postgres_batches(Place(without_user(f"{address}#{table}"), "postgres", None, table, address), fault), target)
    except NinefoldError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NinefoldError(f"it cannot be read ({reason})") from error
