"""The shape of what a JSON file has to hold: checked where it is read, before anything is made of it."""

from lib.bounds import Bounds, shown

TEXT, FLAG, MAPPING = "text", "true or false", "a mapping"  # kinds; numbers are lib.bounds.Bounds
KINDS = {TEXT: str, FLAG: bool, MAPPING: dict}


def check_form(value, form, where):
    """ValueError: `value` has another form; it names `where`, the place in it and what is right.

    form  {key: form}, other keys may stand beside them, one that begins with ? may be missing or null; [form], a list
          of at least one; Bounds; or one of KINDS
    """
    if isinstance(form, dict):
        _need(isinstance(value, dict), where, f"a mapping with {', '.join(key.strip('?') for key in form)}", value)
        for key, inner in form.items():
            name = key.strip("?")
            if name == key and name not in value:
                raise ValueError(f"{where} has no {name}")
            if name == key or value.get(name) is not None:
                check_form(value[name], inner, f"{where}: {name}")
    elif isinstance(form, list):
        _need(isinstance(value, list) and value, where, "a list of at least one", value)
        for number, inner in enumerate(value, 1):
            check_form(inner, form[0], f"{where}, entry {number}")
    elif isinstance(form, Bounds):
        _need(form.right(value), where, form.words(), value)
    else:
        _need(isinstance(value, KINDS[form]), where, form, value)


def _need(right, where, what, value):
    if not right:
        raise ValueError(f"{where} must be {what}, not {shown(value)}")
