"""Which part of the tool is not installed, and what brings it? The core judges recorded runs; extras do the rest."""

from importlib.util import find_spec

from gates.place import HERE

#: Extra -> what of it is imported. requirements/<extra>.in names the distributions.
EXTRAS = {
    "lens": ("faiss", "rich", "safetensors", "snowballstemmer", "tantivy", "tokenizers"),
    "report": ("allure", "allure_commons", "allure_pytest", "matplotlib"),
    "measures": ("ir_measures",),
    "alerts": ("apprise",),
}


#: End of a line of a module that only decides, and knows of no extras -> what of them it speaks of.
_UNAWARE = {"ir-measures is not installed": "measures"}


def lacking(extra: str, *modules: str) -> str:
    """What of an extra (or of these modules of it) is not here, with the way to have it; "" where all of it is."""
    gone = [name for name in modules or EXTRAS[extra] if find_spec(name) is None]
    return f"{', '.join(gone)}: not installed; {way_out(extra)}" if gone else ""


def way_out(extra: str) -> str:
    """The command that brings an extra."""
    lock = "dev" if extra == "measures" else "runtime"
    checkout = f"pip install --require-hashes -r requirements/{lock}.lock"
    return f"pip install 'hero-gate[{extra}]'" if HERE.installed else checkout


def with_way_out(line: str) -> str:
    """A line with the way out, where it ends with what is not installed."""
    extra = next((extra for end, extra in _UNAWARE.items() if line.endswith(end)), "")
    return f"{line}; {way_out(extra)}" if extra else line
