"""Running a reader's own Python: a file as a module of its own, a call, its errors in one line.

Only `check --code` comes here, for a file that its user names. The code runs with the user's
rights; nothing of it stays behind in this process.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ...errors import BackproveError, path_of

MODULE = "backprove_reader_code"
"""The name under which the file's module is known while it runs."""

BIGGEST = 10_000_000
"""Bytes above which a file is no hand-written backward pass."""


class CodeError(BackproveError):
    """A reader's code that cannot be loaded, called or understood."""


@dataclass(frozen=True)
class Target:
    """What is to be judged: a function, or a subclass of `torch.autograd.Function`.

    parameters: those that are given a value, `ctx` left out.
    """

    path: Path
    name: str
    call: Callable[..., Any]
    parameters: tuple[inspect.Parameter, ...]
    autograd: bool

    @property
    def file(self) -> str:
        """The file's name, as it is spoken of."""
        return self.path.name


@contextmanager
def loaded(path: Path) -> Iterator[ModuleType]:
    """The file as a fresh module, its folder on `sys.path` for the time.

    What it prints goes to stderr. Afterwards `sys.path` is as before, and the modules that it
    loaded from its own folder are forgotten. Raises CodeError where it cannot be loaded.
    """
    source = _source(path)
    module = ModuleType(MODULE)
    module.__file__ = str(path)
    folder = str(path.resolve().parent)
    known, paths = set(sys.modules), list(sys.path)
    bytecode = sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.modules[MODULE] = module
    sys.dont_write_bytecode = True
    try:
        with errors_of(path), redirect_stdout(sys.stderr):
            exec(compile(source, str(path), "exec", dont_inherit=True), module.__dict__)
        yield module
    finally:
        sys.path[:] = paths
        sys.dont_write_bytecode = bytecode
        for name in set(sys.modules) - known:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if name == MODULE or str(Path(file).parent) == folder:
                del sys.modules[name]


def _source(path: Path) -> bytes:
    path = path_of(path)
    if path.is_dir():
        raise CodeError(f"{path} is a folder, not a file of Python")
    if not path.exists():
        raise CodeError(f"there is no file {path}", "write --code PATH, or --code PATH:NAME")
    if path.stat().st_size > BIGGEST:
        raise CodeError(f"{path} has more than {BIGGEST:,} bytes: it is no backward pass")
    return path.read_bytes()


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turns whatever the reader's code raises into one CodeError with their own line."""
    try:
        yield
    except CodeError:
        raise
    except SyntaxError as error:
        place = f"{error.filename or path}:{error.lineno or 1}"
        shown = f"\n  {error.text.strip()}" if error.text else ""
        raise CodeError(f"{place}: {error.msg}{shown}") from None
    except (Exception, SystemExit) as error:
        raise CodeError(*_said(path, error)) from None


def _said(path: Path, error: BaseException) -> tuple[str, str]:
    """The last line of the reader's file on the way to an error, and what the error says."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == str(path)]
    place = f"{path}:{own[-1].lineno}" if own else str(path)
    text = next(iter(str(error).splitlines()), "")[:300]
    line = f"\n  {own[-1].line}" if own and own[-1].line else ""
    hint = ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = f"this code needs {error.name}: install it with pip install {error.name}"
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{place}: {said}{line}", hint


# -- what to call --------------------------------------------------------------------------


def is_autograd(thing: object) -> bool:
    """Whether it is a subclass of `torch.autograd.Function`; torch need not be there to ask."""
    return inspect.isclass(thing) and any(
        base.__name__ == "Function" and base.__module__.startswith("torch.autograd")
        for base in thing.__mro__[1:]
    )


def find_target(
    module: ModuleType, path: Path, name: str, fits: Callable[[Sequence[inspect.Parameter]], bool]
) -> Target:
    """What is judged: `name`, else `backward`, else the only function or class that fits.

    fits: whether every parameter can be given a value. Raises CodeError.
    """
    own = {
        key: thing
        for key, thing in vars(module).items()
        if (inspect.isfunction(thing) or is_autograd(thing)) and thing.__module__ == MODULE
    }
    if name:
        if name not in vars(module):
            others = f"it has {', '.join(own)}" if own else "it has no functions"
            raise CodeError(f"{path} has no {name}", others)
        return _target(path, name, vars(module)[name])
    if "backward" in vars(module) and callable(vars(module)["backward"]):
        return _target(path, "backward", vars(module)["backward"])
    found = [_target(path, key, thing) for key, thing in own.items()]
    fitting = [target for target in found if fits(target.parameters)]
    chosen = fitting if len(found) != 1 else found
    if len(chosen) == 1:
        return chosen[0]
    listed = f"it has {', '.join(own)}" if own else "it has no functions"
    which = "more than one function fits" if chosen else "no function named backward, nor one fits"
    raise CodeError(f"{path}: {which}; {listed}", f"name the one to judge: --code {path}:NAME")


def _target(path: Path, name: str, thing: Any) -> Target:
    autograd = is_autograd(thing)
    if not autograd and (inspect.isclass(thing) or not callable(thing)):
        raise CodeError(
            f"{name} in {path} is neither a function nor a torch.autograd.Function",
            "name a function that takes arrays and returns gradients",
        )
    function = thing.forward if autograd else thing
    try:
        parameters = tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise CodeError(f"the parameters of {name} in {path} cannot be read") from None
    # the newer form of a Function keeps ctx out of forward and in setup_context
    apart = autograd and any("setup_context" in vars(base) for base in thing.__mro__[:-1]
                             if not base.__module__.startswith("torch."))  # fmt: skip
    if autograd and not apart:
        parameters = parameters[1:]
    wanted = tuple(p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
    return Target(path, name, thing.apply if autograd else thing, wanted, autograd)


def called(target: Target, values: Mapping[str, Any]) -> Any:
    """What the code returns for these values of its parameters. Raises CodeError."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in target.parameters:
        if target.autograd or parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(values.get(parameter.name, parameter.default))
        elif parameter.name in values:
            named[parameter.name] = values[parameter.name]
    with errors_of(target.path), redirect_stdout(sys.stderr):
        return target.call(*positional, **named)
