"""Scripts and styles of the page, the table library among them, and the hashes that allow them."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

TEMPLATES = Path(__file__).with_name("templates")


class AssetError(RuntimeError):
    """The table library is not what the page expects."""


def read_template(name: str) -> str:
    """Return the text of a file among the templates."""
    return (TEMPLATES / name).read_text(encoding="utf-8")


def script_hash(script: str) -> str:
    """Return a script's hash as a Content-Security-Policy names it."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def _bundle(name: str) -> str:
    """Return a file of DataTables as the package itables brings it, jQuery and buttons included."""
    import itables

    path = Path(itables.__file__).parent / "html" / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise AssetError(
            f"{path} cannot be read ({error.strerror}); install the itables of envs/requirements.in"
        ) from None


@cache
def table_script() -> str:
    """Return one module: DataTables and the page's use of it.

    The library is a module that exports jQuery. A page without a network cannot import a second
    module, so ours is put behind it, with the exported name resolved.

    Raises:
        AssetError: the library is missing or exports no jQuery.
    """
    library = _bundle("dt_bundle.js")
    exported = re.search(r"\bexport\s*\{[^}]*?([\w$]+) as jQuery\b[^}]*\};?", library)
    if exported is None:
        raise AssetError("itables' dt_bundle.js exports no jQuery: pin a version that does")
    own = read_template("scorecard.js")
    names = f"const jQuery = {exported[1]}, DataTable = jQuery.fn.dataTable;"
    library = library[: exported.start()] + library[exported.end() :]
    script = f"{library}\n{{ {names}\n{own}}}\n"
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def table_style() -> str:
    """Return the library's style sheet."""
    return _bundle("dt_bundle.css").replace("</style", "<\\/style")
