"""C that scripts for awk write while Unikraft is built, as far as it can be told from them."""

import re
from collections.abc import Mapping

_PRINTED = re.compile(r'\bprint(f?)\s*\(?\s*"((?:[^"\\\n]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t"}


def written(script: str, names: Mapping[str, str]) -> str:
    """The text of a script's ``print`` statements, one after the other.

    ``names`` are the words of its input, each with the condition (as of an ``#if``) under which it
    is one: what it writes of one of them is written of each. With none, what comes from the input
    is left out.
    """
    out: list[str] = []
    for match in _PRINTED.finditer(script):
        text = _ESCAPE.sub(lambda each: _ESCAPES.get(each[1], each[1]), match[2])
        line = text if match[1] else f"{text}\n"
        if "%s" in line and names:
            for name, condition in names.items():
                out.append(f"#if {condition}\n{line.replace('%s', name)}#endif\n")
        else:
            out.append(re.sub(r"%[sd]", "", line))
    return "".join(out)
