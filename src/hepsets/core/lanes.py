"""Sixteen numbers side by side in kernels: vector instructions where the compiler finds none by itself."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

from hepsets.core.kernel import part_of_kernel

LANES = 16
"""Numbers side by side; one AVX-512 register, or several of a smaller kind, with the same results."""

Lanes: TypeAlias = Any
"""Sixteen float32 that one instruction works on; +, −, ·, / take two of them, or one and a number."""

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)


class _Type(types.Type):
    """What numba calls them."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


_LANES = _Type()


@register_model(_Type)
class _Model(models.PrimitiveModel):
    """What LLVM calls them."""

    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _FLOATS)  # type: ignore[no-untyped-call]


def _operation(n: int, build: Callable[..., Any]) -> Any:
    """A function of ``n`` lanes or numbers that ``build`` emits; the latter stand in all lanes."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ARG001
        return build(
            builder,
            *(
                value if kind == _LANES else _spread(builder, value)
                for kind, value in zip(signature.args, given, strict=True)
            ),
        )

    known = (_LANES, types.float32)

    def signature(*of: Any) -> Any:
        return (_LANES(*of), generate) if all(kind in known for kind in of) else None

    # numba reads the number of arguments from the function itself
    one: Any = lambda _, a: signature(a)  # noqa: E731
    two: Any = lambda _, a, b: signature(a, b)  # noqa: E731
    three: Any = lambda _, a, b, c: signature(a, b, c)  # noqa: E731
    return intrinsic((one, two, three)[n - 1])


def _spread(builder: Any, value: Any) -> Any:
    nothing = ir.Constant(_FLOATS, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(_INTEGERS, [0] * LANES))


def _named(name: str) -> Callable[..., Any]:
    """LLVM's own function of a name."""

    def build(builder: Any, *of: Any) -> Any:
        full, module = f"llvm.{name}.v{LANES}f32", builder.module
        function = module.globals.get(full)
        if function is None:
            function = ir.Function(module, ir.FunctionType(_FLOATS, [_FLOATS] * len(of)), full)
        return builder.call(function, of)

    return build


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _passed(builder: Any, a: Any, b: Any) -> Any:
    nothing = ir.Constant(_FLOATS, [0.0] * LANES)
    return builder.select(builder.fcmp_ordered("<=", a, nothing), nothing, b)


def _above(builder: Any, a: Any, b: Any, c: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, ir.Constant(_FLOATS, [0.0] * LANES)), b, c)


def _power_of_two(builder: Any, k: Any) -> Any:
    """2ᵏ of numbers that have 1.5 · 2²³ added to them, so that k stands in their last bits."""
    shifted = builder.shl(builder.bitcast(k, _INTEGERS), ir.Constant(_INTEGERS, [23] * LANES))
    one = ir.Constant(_INTEGERS, [0x3F800000] * LANES)
    return builder.bitcast(builder.add(shifted, one), _FLOATS)


splat = _operation(1, lambda _, a: a)
"""A number in all lanes."""

fma = _operation(3, _named("fma"))
"""a · b + c, rounded once."""

larger = _operation(2, _larger)
"""The larger of two; the second one where one is no number."""

passed = _operation(2, _passed)
"""b, but 0 where a is 0 or less."""

above = _operation(3, _above)
"""b where a is above 0, c elsewhere."""

square_root = _operation(1, _named("sqrt"))
"""√a."""

_two_to_last_bits = _operation(1, _power_of_two)


def _operator(of: Any, name: str) -> None:
    emit = _operation(2, lambda builder, a, b: getattr(builder, name)(a, b))

    @overload(of, strict=False)  # which would compare annotations, too
    def _(a: Any, b: Any) -> Any:
        return (lambda a, b: emit(a, b)) if _LANES in (a, b) else None


for _of, _name in (("add", "fadd"), ("sub", "fsub"), ("mul", "fmul"), ("truediv", "fdiv")):
    _operator(getattr(operator, _of), _name)


_negative = _operation(1, lambda builder, a: builder.fneg(a))


@overload(operator.neg, strict=False)
def _(a: Any) -> Any:
    return (lambda a: _negative(a)) if a == _LANES else None


# -- numbers in tables -------------------------------------------------------------------------------


def _emitted(function: Callable[..., Any]) -> Any:
    """What kernels call and a function tells numba to emit."""
    return intrinsic(function)


def _is_place(table: Any, *numbers: Any) -> bool:
    """Whether types are those of a table of float32, row after row, and of numbers of rows and columns."""
    is_table = isinstance(table, types.Array) and (table.dtype, table.ndim, table.layout) == (
        types.float32,
        2,
        "C",
    )
    return is_table and all(isinstance(number, types.Integer) for number in numbers)


def _number(context: Any, builder: Any, kind: Any, table: Any, row: Any, at: Any) -> Any:
    """Pointer to a number in a row."""
    values = context.make_array(kind)(context, builder, table)
    columns = builder.extract_value(values.shape, 1)
    return builder.gep(values.data, [builder.add(builder.mul(row, columns), at)])


def _sixteen(context: Any, builder: Any, kind: Any, table: Any, row: Any, at: Any) -> Any:
    """Pointer to sixteen numbers of a row."""
    first = _number(context, builder, kind, table, row, at)
    return builder.bitcast(first, _FLOATS.as_pointer())


@_emitted
def load(_: Any, table: Any, row: Any, at: Any) -> Any:
    """Sixteen numbers ``table[row, at : at + 16]`` of float32; nobody looks whether they are there."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load(_sixteen(context, builder, signature.args[0], *given), align=4)

    return (_LANES(table, types.intp, types.intp), generate) if _is_place(table, row, at) else None


@_emitted
def spread(_: Any, table: Any, row: Any, at: Any) -> Any:
    """The number ``table[row, at]`` in all lanes; nobody looks whether it is there."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _spread(builder, builder.load(_number(context, builder, signature.args[0], *given)))

    return (_LANES(table, types.intp, types.intp), generate) if _is_place(table, row, at) else None


@_emitted
def store(_: Any, table: Any, row: Any, at: Any, value: Any) -> Any:
    """Write ``table[row, at : at + 16]``; nobody looks whether they are there."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        *where, lanes = given
        builder.store(lanes, _sixteen(context, builder, signature.args[0], *where), align=4)
        return context.get_dummy_value()

    signature = types.void(table, types.intp, types.intp, _LANES)
    return (signature, generate) if _is_place(table, row, at) and value == _LANES else None


@_emitted
def turn(_: Any, table: Any, row: Any, at: Any, into: Any, to_row: Any, to: Any) -> Any:
    """Write the 16 × 16 numbers at ``table[row, at]`` to ``into[to_row, to]``, columns as rows."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        (kind, _, _, other, _, _), (table, row, at, into, to_row, to) = signature.args, given

        def below(first: Any, k: int) -> Any:
            return builder.add(first, ir.Constant(first.type, k))

        rows = [
            builder.load(_sixteen(context, builder, kind, table, below(row, k), at), align=4)
            for k in range(LANES)
        ]
        for k, lanes in enumerate(_turned(builder, rows)):
            builder.store(lanes, _sixteen(context, builder, other, into, below(to_row, k), to), align=4)
        return context.get_dummy_value()

    signature = types.void(table, types.intp, types.intp, into, types.intp, types.intp)
    known = _is_place(table, row, at) and _is_place(into, to_row, to)
    return (signature, generate) if known else None


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """Sixteen rows as columns: blocks of 8 × 8 numbers change places, then of 4 × 4, and so on."""
    size = LANES // 2
    while size:
        for k in range(LANES):
            if not k & size:
                rows[k], rows[k | size] = _exchanged(builder, rows[k], rows[k | size], size)
        size //= 2
    return rows


def _exchanged(builder: Any, a: Any, b: Any, size: int) -> tuple[Any, Any]:
    """Two rows: every other ``size`` numbers of the first changed places with those of the second."""
    own = [k if not k & size else LANES + (k ^ size) for k in range(LANES)]
    other = [k ^ size if not k & size else LANES + k for k in range(LANES)]
    first, second = (builder.shuffle_vector(a, b, ir.Constant(_INTEGERS, which)) for which in (own, other))
    return first, second


@_emitted
def lane_sums(_: Any, table: Any, row: Any, at: Any) -> Any:
    """Of the 16 × 16 numbers at ``table[row, at]``, the sum of each row: that of the k-th in lane k."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind, (table, row, at) = signature.args[0], given
        below = [builder.add(row, ir.Constant(row.type, k)) for k in range(LANES)]
        rows = [builder.load(_sixteen(context, builder, kind, table, each, at), align=4) for each in below]
        return _row_sums(builder, rows)

    return (_LANES(table, types.intp, types.intp), generate) if _is_place(table, row, at) else None


def _row_sums(builder: Any, rows: list[Any]) -> Any:
    """Of sixteen rows the sum of each: halves of two rows are added up at a time, then fourths, and so on."""
    size = LANES // 2
    while size:
        rows = [builder.fadd(*_exchanged(builder, rows[k], rows[k + size], size)) for k in range(size)]
        size //= 2
    return rows[0]


@_emitted
def sums_of(_: Any, rows: Any) -> Any:
    """As :func:`lane_sums`, of a tuple of sixteen lanes."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ARG001
        return _row_sums(builder, [builder.extract_value(given[0], k) for k in range(LANES)])

    known = isinstance(rows, types.UniTuple) and (rows.dtype, rows.count) == (_LANES, LANES)
    return (_LANES(rows), generate) if known else None


# -- signs ---------------------------------------------------------------------------------------------

_HALF, _WHOLE = ir.IntType(LANES), ir.IntType(2 * LANES)


@_emitted
def signs(_: Any, value: Any) -> Any:
    """A bit for each of sixteen numbers that is above 0 and, sixteen bits on, for each that is below."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ARG001
        nothing = ir.Constant(_FLOATS, [0.0] * LANES)
        above, below = (
            builder.zext(builder.bitcast(builder.fcmp_ordered(which, given[0], nothing), _HALF), _WHOLE)
            for which in "><"
        )
        return builder.or_(above, builder.shl(below, ir.Constant(_WHOLE, LANES)))

    return (types.uint32(_LANES), generate) if value == _LANES else None


@_emitted
def by_signs(_: Any, bits: Any, a: Any, b: Any) -> Any:
    """A where :func:`signs` found a number above 0, b where below, and 0 elsewhere."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ARG001
        bits, a, b = given

        def chosen(bits: Any, value: Any, other: Any) -> Any:
            which = builder.bitcast(builder.trunc(bits, _HALF), ir.VectorType(ir.IntType(1), LANES))
            return builder.select(which, value, other)

        below = builder.lshr(bits, ir.Constant(_WHOLE, LANES))
        return chosen(bits, a, chosen(below, b, ir.Constant(_FLOATS, [0.0] * LANES)))

    known = (bits, a, b) == (types.uint32, _LANES, _LANES)
    return (_LANES(types.uint32, _LANES, _LANES), generate) if known else None


# -- random choice ------------------------------------------------------------------------------------


@_emitted
def kept(_: Any, value: Any, place: Any, seed: Any, threshold: Any) -> Any:
    """Numbers of sixteen places in a row, the first one given: those that are kept, 0 for those dropped.

    What ``seed`` and ``threshold`` mean, and the choice, is as in :func:`hepsets.learn.layers.dropout.keeps`.
    """

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:  # noqa: ARG001
        value, place, seed, threshold = given

        def all_of(number: int) -> Any:
            return ir.Constant(_INTEGERS, [number] * LANES)

        def mixed(h: Any, shift: int) -> Any:
            return builder.xor(h, builder.lshr(h, all_of(shift)))

        def everywhere(number: Any) -> Any:
            first = builder.insert_element(all_of(0), number, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(first, first, all_of(0))

        step = 0x9E3779B9
        begin = builder.add(builder.mul(place, ir.Constant(ir.IntType(32), step)), seed)
        steps = ir.Constant(_INTEGERS, [k * step % 2**32 for k in range(LANES)])
        h = mixed(builder.add(everywhere(begin), steps), 16)
        h = mixed(builder.mul(h, all_of(0x21F0AAAD)), 15)
        h = mixed(builder.mul(h, all_of(0x735A2D97)), 15)
        chosen = builder.icmp_unsigned(">=", h, everywhere(threshold))
        return builder.select(chosen, value, ir.Constant(_FLOATS, [0.0] * LANES))

    whole = all(isinstance(number, types.Integer) for number in (place, seed, threshold))
    known = value == _LANES and whole
    return (_LANES(_LANES, types.uint32, types.uint32, types.uint32), generate) if known else None


# -- 2ˣ --------------------------------------------------------------------------------------------

_LEAST = np.float32(-126)
_MAGIC = np.float32(1.5 * 2**23)  # numbers of this size have no places after the point
_C1, _C2, _C3, _C4, _C5, _C6 = (
    np.float32(c) for c in (0.69314718, 0.24022648, 0.055503324, 0.0096184369, 0.0013398875, 0.00015353361)
)
_ONE = np.float32(1)


@part_of_kernel
def two_to_the(x: Lanes) -> Lanes:
    """2ˣ for numbers up to 127, within one unit in the last place; 2⁻¹²⁶ for all below −126.

    x is split into a whole number and a rest in [−½, ½], whose power is a polynomial: 1 at 0, and of least
    relative error. What is no number stays so.
    """
    x = larger(_LEAST, x)
    shifted = x + _MAGIC
    rest = x - (shifted - _MAGIC)
    power = fma(rest, _C6, _C5)
    power = fma(rest, power, _C4)
    power = fma(rest, power, _C3)
    power = fma(rest, power, _C2)
    power = fma(rest, power, _C1)
    power = fma(rest, power, _ONE)
    return power * _two_to_last_bits(shifted)
