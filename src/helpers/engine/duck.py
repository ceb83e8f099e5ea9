"""DuckDB as every room opens it: it fetches nothing by itself."""

import contextlib
import re
from pathlib import Path
from typing import Any

import duckdb

OFFLINE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
"""DuckDB would otherwise fetch an extension when a query, or a view of a foreign file, names an address on the network."""


def open_duckdb(address: str = ":memory:", **config: Any) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB that installs and loads no extension by itself and draws no progress bar.

    address   a file, or :memory:
    config    further settings of DuckDB, such as temp_directory; `read_only` opens the file without writing to it
    """
    read_only = bool(config.pop("read_only", False))
    opened = duckdb.connect(address, read_only=read_only, config={**config, **OFFLINE})
    with contextlib.suppress(duckdb.InvalidInputException):  # in a notebook without ipywidgets there is no bar to take away
        opened.execute("set enable_progress_bar = false")
    return opened


def exact(path: str | Path) -> str:
    """A file's path for DuckDB's readers, which would take * ? and [ in it for a pattern and read other files."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


__all__ = ["exact", "open_duckdb"]
