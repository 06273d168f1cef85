"""Compile kernels that kernels call: no machine code of their own, but as part of each that Python calls."""

# mypy: disallow-untyped-calls=False

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

from llvmlite.binding import parse_bitcode
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Flags, compile_extra
from numba.core.typing.templates import make_concrete_template

from hepsets.core.checked_cache import check_files

Types = tuple[Any, ...]
"""numba's types of the arguments of a call."""


def build_into_callers(kernel: Any) -> None:
    """Have kernels that call ``kernel`` take its code in unfinished, and finish it with their own.

    numba optimises each function, makes machine code of it and a wrapper for Python, and does so again with
    the code in each function that calls it, and in each that calls that: three levels of calls, three times
    the work. Here only the kernel that Python calls is finished, with all that is in it. Called from Python,
    ``kernel`` is compiled as ever.
    """
    called = _Called(kernel)
    kernel.get_call_template, kernel.get_overload = called.get_call_template, called.get_overload
    compile_alone = kernel._compiler._compile_core

    def compile_with_callees(*what: Any) -> Any:
        result = compile_alone(*what)
        for environment in result._find_referenced_environments():  # of the callees: nobody else tells it
            result.codegen.set_env(environment.env_name, environment)
        return result

    kernel._compiler._compile_core = compile_with_callees


class _Called:
    """A kernel as other kernels see it: what numba asks for when one is called, by types of arguments."""

    def __init__(self, kernel: Any) -> None:
        self._name, self._compiler = kernel.py_func.__name__, kernel._compiler
        self._being_compiled = kernel._compiling_counter
        self._cache = _Cache(kernel.py_func) if isinstance(kernel._cache, FunctionCache) else None
        self._known: dict[Types, _Known] = {}

    def get_call_template(self, arguments: Types, keywords: dict[str, Any]) -> tuple[Any, Any, Types, Any]:
        """What the call gives, for type inference; compiled if it is new."""
        python_signature, types = self._compiler.fold_argument_types(arguments, keywords)
        types = tuple(types)
        if types not in self._known:
            self._known[types] = self._loaded(types) or self._compile(types)
        signatures = [known.signature for known in self._known.values()]
        return make_concrete_template(self._name, self._name, signatures), python_signature, types, {}

    def get_overload(self, types: Types) -> object:
        """By what numba finds the code of the call."""
        return self._known[tuple(types)].key

    def _loaded(self, types: Types) -> _Known | None:
        found: _Known | None = None
        if self._cache is not None:
            found = self._cache.load_overload(types, self._compiler.targetdescr.target_context)
        return found

    def _compile(self, types: Types) -> _Known:
        target, flags = self._compiler.targetdescr, Flags()
        target.options.parse_as_flags(flags, self._compiler.targetoptions)
        flags = self._compiler._customize_flags(flags)
        flags.no_compile = flags.no_cpython_wrapper = True
        function, context = self._compiler.py_func, target.target_context
        with self._being_compiled:  # should it call itself
            result = compile_extra(
                target.typing_context,
                context,
                function,
                args=types,
                return_type=None,
                flags=flags,
                locals=self._compiler.locals,
                library=_Code(context.codegen(), function.__qualname__),
                pipeline_class=self._compiler.pipeline_class,
            )
        if self._cache is not None:
            with suppress(OSError):
                self._cache.save_overload(types, result)
        environments = (result.environment, *result._find_referenced_environments())
        return _Known.to_numba(context, result.library, result.fndesc, result.signature, environments)


class _Known(NamedTuple):
    """What is kept of a call that is compiled: its key, its signature, and what else its code refers to."""

    key: object
    signature: Any
    environments: tuple[Any, ...]

    @classmethod
    def to_numba(
        cls, context: Any, library: Any, description: Any, signature: Any, environments: tuple[Any, ...]
    ) -> _Known:
        """Tell numba where the code is that kernels may call."""
        known = cls(object(), signature, environments)
        context.insert_user_function(known.key, description, [library])
        return known


class _Code(JITCodeLibrary):
    """Code of a kernel and of what it calls, not optimised together and not made machine code of."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    def serialize_using_object_code(self) -> Any:
        """There is none: LLVM's bitcode is kept."""
        return self.serialize_using_bitcode()

    @classmethod
    def from_bitcode(cls, codegen: Any, name: str, bitcode: bytes) -> _Code:
        """What was kept."""
        code = cls(codegen, name)
        code._final_module = parse_bitcode(bitcode)
        code.finalize()
        return code


class _CodeCacheImpl(CompileResultCacheImpl):
    def rebuild(self, target_context: Any, payload: Any) -> _Known:
        """Read what numba wrote of a result."""
        (name, _, bitcode), description, environment, signature, _, _, _, prepare, others = payload
        for function in prepare:
            function()
        code = _Code.from_bitcode(target_context.codegen(), name, bitcode)
        return _Known.to_numba(target_context, code, description, signature, (environment, *others))


class _Cache(FunctionCache):
    """numba's cache of a function, where code for callers has a key of its own."""

    _impl_class = _CodeCacheImpl

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        check_files(self)

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        return (*super()._index_key(signature, codegen), "called")
