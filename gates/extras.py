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


def lacking(extra: str, *modules: str) -> str:
    """What of an extra (or of these modules of it) is not here, with the way to have it; "" where all of it is."""
    gone = [name for name in modules or EXTRAS[extra] if find_spec(name) is None]
    if not gone:
        return ""
    checkout = f"pip install --require-hashes -r requirements/{'dev' if extra == 'measures' else 'runtime'}.lock"
    way_out = f"pip install 'hero-gate[{extra}]'" if HERE.installed else checkout
    return f"{', '.join(gone)}: not installed; {way_out}"
