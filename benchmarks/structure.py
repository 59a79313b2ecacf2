"""How the code is built: modules per package, sizes, long functions, parameters, import floors.

    python -m benchmarks.structure [CHECKOUT]

Reads the sources below CHECKOUT (default: this repository) and runs none of them, so that any
commit can be looked at. A *floor* is the longest chain of imports from a unit down to one that
imports nothing of its own package; imports inside functions count, those for type checkers do not.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGES: Final = ("negvol_cli", "training", "export", "benchmarks", "tests")
LONG_FUNCTION: Final = 40
MANY_BY_POSITION: Final = 5
SHOWN: Final = 8

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """A source file: its dotted name, its length in lines, its syntax tree."""

    name: str
    lines: int
    tree: ast.Module


@dataclass(frozen=True, slots=True)
class Measured:
    """A function: where it is, its lines without decorators, its parameters by position and all."""

    name: str
    lines: int
    by_position: int
    parameters: int


def main() -> None:
    """Print the structure of a checkout, package by package."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1])
    for package in PACKAGES:
        found = list(modules(root, package))
        if found:
            print("\n".join(described(package, found)), end="\n\n")


def modules(root: Path, package: str) -> Iterator[Module]:
    """Every module of a package below ``root``, in the order of their names."""
    for path in sorted((root / package).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield Module(name, text.count("\n"), ast.parse(text))


def described(package: str, found: list[Module]) -> Iterator[str]:
    """The lines that describe a package."""
    sizes = [module.lines for module in found if module.lines > 5]  # not the bare __init__.py
    largest = max(found, key=lambda module: module.lines)
    yield f"## {package}"
    yield (
        f"{len(found)} modules, {sum(sizes)} lines; median {statistics.median(sizes):.0f}, "
        f"largest {largest.lines} ({largest.name})"
    )
    rooms = Counter(room(module.name, package) for module in found)
    yield "modules per package: " + ", ".join(f"{name} {n}" for name, n in sorted(rooms.items()))
    functions = [function for module in found for function in measured(module)]
    yield from long_functions(functions)
    yield from many_parameters(functions)
    if package in ("negvol_cli", "training", "export"):
        yield from floors(package, found)


def room(module: str, package: str) -> str:
    """The sub-package that a module lies in; ``/`` for the package's own top."""
    below = module.removeprefix(package).strip(".").split(".")
    return ".".join(below[:-1]) or "/"


def measured(module: Module) -> Iterator[Measured]:
    """Every function and method of a module, nested ones included."""
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            by_position = [*node.args.posonlyargs, *node.args.args]
            own = [arg for arg in by_position if arg.arg not in ("self", "cls")]
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            every = len(own) + len(node.args.kwonlyargs)
            yield Measured(f"{module.name}.{node.name}", lines, len(own), every)


def long_functions(functions: list[Measured]) -> Iterator[str]:
    """How many functions are too long, and each of them."""
    long = sorted((f for f in functions if f.lines > LONG_FUNCTION), key=lambda f: -f.lines)
    yield f"functions over {LONG_FUNCTION} lines: {len(long)}"
    yield from (f"  {f.lines:4} {f.name}" for f in long)


def many_parameters(functions: list[Measured]) -> Iterator[str]:
    """How many functions take too much by position, each of them, and the longest lists of all."""
    many = sorted(
        (f for f in functions if f.by_position > MANY_BY_POSITION), key=lambda f: -f.by_position
    )
    yield f"functions with over {MANY_BY_POSITION} parameters by position: {len(many)}"
    yield from (f"  {f.by_position:4} {f.name}" for f in many)
    longest = sorted(functions, key=lambda f: -f.parameters)[:SHOWN]
    yield "longest parameter lists: " + ", ".join(f"{f.parameters} {f.name}" for f in longest)


def floors(package: str, found: list[Module]) -> Iterator[str]:
    """The floors of the package's top-level units, and of its single modules."""
    imports = dict(imported(package, found))
    units: defaultdict[str, set[str]] = defaultdict(set)
    for module, others in imports.items():
        here = unit(module, package)
        units[here] |= {unit(other, package) for other in others} - {here}
    height = heights(units)
    yield f"floors of modules: {max(heights(imports).values())}"
    yield f"floors of packages and top modules: {max(height.values())}"
    for level in range(max(height.values()), 0, -1):
        names = sorted(name for name, floor in height.items() if floor == level)
        yield f"  {level:2} {' '.join(names)}"


def unit(module: str, package: str) -> str:
    """The part of a package that a module belongs to, by its first name below the package."""
    return (module.removeprefix(package).strip(".").split(".") or [""])[0] or "__init__"


def imported(package: str, found: list[Module]) -> Iterator[tuple[str, set[str]]]:
    """Each module with the package's modules that it imports."""
    names = {module.name for module in found}
    for module in found:
        yield (
            module.name,
            {other for other in _targets(module.tree, package, names) if other != module.name},
        )


def heights(imports: Mapping[str, set[str]]) -> dict[str, int]:
    """The floor of each name: 1 where it imports none of the others.

    A ring of imports would have no floor; its members count as if they did not see each other.
    """
    known: dict[str, int] = {}

    def floor(name: str, above: frozenset[str]) -> int:
        if name not in known:
            below = [
                floor(other, above | {name})
                for other in imports.get(name, ())
                if other not in above and other != name
            ]
            known[name] = 1 + max(below, default=0)
        return known[name]

    return {name: floor(name, frozenset()) for name in imports}


def _targets(tree: ast.Module, package: str, names: set[str]) -> Iterator[str]:
    """The modules of ``names`` that a module imports when it runs."""
    skipped = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.dump(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target = whole if whole in names else str(node.module)
                if target in names:
                    yield target


if __name__ == "__main__":
    main()
