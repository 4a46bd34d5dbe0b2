"""From the text of a condition to what tests items, objects or facts: recursive descent over a small grammar.

    or         = and { ("or" | "||") and }
    and        = not { ("and" | "&&") not }
    not        = ("not" | "!") not | "(" or ")" | comparison
    comparison = value [ sign value | "~" text | ["not"] "in" "(" literal { "," literal } ")" ]
    value      = number | text | word | function "(" [ or | name { "," name } ] ")"

A word that is no field is a text, so that `split == train` needs no quotes. Whatever the types do not
allow is refused while parsing, with its place; a parsed condition fails on no item.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from mlwf_tui.entities.annotation import AnnotatedObject, LabelSchema, Tag
from mlwf_tui.entities.ids import Digest
from mlwf_tui.entities.item import Item
from mlwf_tui.entities.names import suggest_name
from mlwf_tui.errors import InvalidParameter
from mlwf_tui.expressions.comparing import (
    EQUAL_SIGNS,
    ORDER_SIGNS,
    find_comparison,
    is_among,
    is_open_glob,
    make_glob,
    read_number,
)
from mlwf_tui.expressions.fields import FUNCTIONS, ITEM_FIELDS, OBJECT_FIELDS, Scalar, ValueType
from mlwf_tui.expressions.tokens import Token, TokenKind, cut_tokens, make_error

Test = Callable[[Any, AnnotatedObject | None], bool]  # of an Item, or of facts by their names
Read = Callable[[Any, AnnotatedObject | None], Scalar]

MAX_DEPTH: Final = 50  # of parentheses; far below Python's own limit


class Named(NamedTuple):
    """A class, tag or custom value that an expression names, and where."""

    name: str
    place: int
    is_of_object: bool = False  # of a tag or custom value: it is looked for on objects, not on their item


class Condition(msgspec.Struct, frozen=True):
    """A parsed expression with what it names: classes, without patterns, tags and custom values."""

    text: str
    classes: tuple[Named, ...]
    test: Test
    tags: tuple[Named, ...] = ()
    customs: tuple[Named, ...] = ()

    def matches(self, item: Item, labelled: AnnotatedObject | None = None) -> bool:
        """Say whether the item meets it; for conditions on objects the object on its item."""
        return self.test(item, labelled)

    def check_classes(self, schema: LabelSchema) -> None:
        """Raise InvalidParameter where a class that is named is not in the schema."""
        _check_known("class", self.classes, schema.class_names)

    def check_tags(self, known: Collection[str]) -> None:
        """Raise InvalidParameter where a tag that is named is none of all that there are."""
        _check_known("tag", self.tags, sorted(known))

    def check_customs(self, known: Collection[str]) -> None:
        """Raise InvalidParameter where a custom value that is named is none of all that there are."""
        _check_known("custom value", self.customs, sorted(known))


def _check_known(what: str, wanted: Sequence[Named], known: Sequence[str]) -> None:
    for name, place, _ in wanted:
        if name not in known:
            raise InvalidParameter(
                f"There is no {what} {name!r} (at character {place + 1} of the expression).",
                hint=suggest_name(name, known),
            )


def parse_item_condition(text: str) -> Condition:
    """Return what tests items, from a text such as `split == train and count(cat, area > 400) >= 2`.

    Raises:
        InvalidParameter: it does not parse; the message has the place.
    """
    return _parse(text, is_object=False)


def parse_object_condition(text: str) -> Condition:
    """Return what tests objects, from a text such as `class == cat and confidence < 0.5`.

    Raises:
        InvalidParameter: it does not parse; the message has the place.
    """
    return _parse(text, is_object=True)


def parse_fact_condition(
    text: str, fields: Mapping[str, ValueType]
) -> Callable[[Mapping[str, Scalar]], bool]:
    """Return what tests facts by their names, from a text such as `task == detect and map50 > 0.5`.

    No comparison holds of a fact that is missing.

    Raises:
        InvalidParameter: it does not parse, or names no field; the message has the place.
    """
    test = _Parser(text, is_object=False, fields=fields).parse_whole()
    return lambda facts: test(facts, None)


def _parse(text: str, *, is_object: bool) -> Condition:
    parser = _Parser(text, is_object=is_object)
    test = parser.parse_whole()
    return Condition(text, tuple(parser.classes), test, tuple(parser.tags), tuple(parser.customs))


class _Operand(NamedTuple):
    """One side of a comparison."""

    type: ValueType
    read: Read
    token: Token
    is_constant: bool = False
    of_object: bool = False  # asked of an item: then it holds where some object meets it
    choices: tuple[str, ...] = ()
    is_class: bool = False


class _Parser:
    def __init__(self, text: str, *, is_object: bool, fields: Mapping[str, ValueType] | None = None) -> None:
        self.classes: list[Named] = []
        self.tags: list[Named] = []
        self.customs: list[Named] = []
        self._text = text
        self._tokens = cut_tokens(text)
        self._at = 0
        self._is_object = is_object  # whether it is objects that are tested here
        self._fields = fields  # of facts, where these are tested and no items
        self._depth = 0

    # --- the grammar -----------------------------------------------------------------------------

    def parse_whole(self) -> Test:
        test = self._parse_or()
        if self._next.kind is not TokenKind.END:
            word = self._next.value.lower()
            hint = f"Write it in small letters: {word}." if word in ("and", "or", "not", "in") else ""
            raise self._fail(self._next, "`and`, `or` or the end is expected", hint=hint)
        return test

    def _parse_or(self) -> Test:
        tests = [self._parse_and()]
        while self._take("or", "||"):
            tests.append(self._parse_and())
        return tests[0] if len(tests) == 1 else lambda item, one: any(test(item, one) for test in tests)

    def _parse_and(self) -> Test:
        tests = [self._parse_not()]
        while self._take("and", "&&"):
            tests.append(self._parse_not())
        return tests[0] if len(tests) == 1 else lambda item, one: all(test(item, one) for test in tests)

    def _parse_not(self) -> Test:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._fail(self._next, f"it is nested more than {MAX_DEPTH} deep")
        if self._take("not", "!"):
            inner = self._parse_not()
            test: Test = lambda item, one: not inner(item, one)  # noqa: E731
        elif self._take("("):
            test = self._parse_or()
            self._expect(")")
        else:
            test = self._parse_comparison()
        self._depth -= 1
        return test

    def _parse_comparison(self) -> Test:
        left = self._parse_value()
        sign = self._next
        if sign.value in ORDER_SIGNS | EQUAL_SIGNS | {"!="} and sign.kind is TokenKind.SIGN:
            self._at += 1
            test = self._compare(left, sign, self._parse_value(right_of=left))
        elif self._take("~"):
            test = self._match_pattern(left)
        elif self._take("in"):
            test = self._parse_in(left)
        elif self._is_word("not") and self._is_word("in", 1):
            self._at += 2
            self._check_positive(left, sign)
            among = self._parse_in(left)
            test = lambda item, one: not among(item, one)  # noqa: E731
        else:
            return self._as_flag(left)
        return self._over_objects(test) if left.of_object and not self._is_object else test

    def _parse_value(self, right_of: _Operand | None = None) -> _Operand:
        token = self._next
        self._at += 1
        match token.kind:
            case TokenKind.NUMBER:
                return self._constant(ValueType.NUMBER, float(token.value), token)
            case TokenKind.TEXT:
                return self._constant(ValueType.TEXT, token.value, token)
            case TokenKind.WORD:
                return self._parse_word(token, right_of)
            case _:
                raise self._fail(token, "a field, a number or a text is expected")

    def _parse_word(self, token: Token, right_of: _Operand | None) -> _Operand:
        word = token.value
        if self._next.value == "(" and self._next.kind is TokenKind.SIGN:
            return self._parse_function(token)
        is_text = right_of is not None and right_of.type in (ValueType.TEXT, ValueType.ANY)
        if word in ("true", "false") and not (right_of and right_of.type is ValueType.TEXT):
            return self._constant(ValueType.FLAG, word == "true", token)
        if is_text:
            return self._constant(ValueType.TEXT, word, token)
        if self._fields is not None:
            return self._read_fact(token, self._fields)
        if word in OBJECT_FIELDS:
            return self._read_object_field(token)
        if word in ITEM_FIELDS:
            found = ITEM_FIELDS[word]
            return _Operand(found.type, lambda item, _: found.read(item), token, choices=found.choices)
        known = (*ITEM_FIELDS, *OBJECT_FIELDS, *(f"{name}()" for name in FUNCTIONS))
        raise self._fail(token, f"there is no field {word!r}", hint=suggest_name(word, known))

    def _read_fact(self, token: Token, fields: Mapping[str, ValueType]) -> _Operand:
        word = token.value
        if word not in fields:
            raise self._fail(token, f"there is no field {word!r}", hint=suggest_name(word, tuple(fields)))
        return _Operand(fields[word], lambda facts, _: facts.get(word), token)

    def _read_object_field(self, token: Token) -> _Operand:
        found = OBJECT_FIELDS[token.value]

        def read(item: Item, one: AnnotatedObject | None) -> Scalar:
            return None if one is None else found.read(one, item)

        is_class = token.value == "class"
        return _Operand(found.type, read, token, of_object=True, choices=found.choices, is_class=is_class)

    # --- functions -------------------------------------------------------------------------------

    def _parse_function(self, token: Token) -> _Operand:
        name = token.value
        if self._fields is not None:
            raise self._fail(token, "there are no functions of facts")
        if name not in FUNCTIONS:
            raise self._fail(token, f"there is no function {name!r}", hint=suggest_name(name, FUNCTIONS))
        self._expect("(")
        if name in ("tag", "custom"):
            wanted = self._parse_name()
            self._expect(")")
            return self._read_named(token, wanted)
        test = self._parse_objects(is_list=name == "has", can_be_all=name == "count")
        self._expect(")")
        return _Operand(*_quantify(name, test), token)

    def _parse_objects(self, *, is_list: bool, can_be_all: bool) -> Test:
        """Parse what chooses objects: names of classes, a condition, or classes and then a condition."""
        if can_be_all and self._next.value == ")":
            return lambda item, one: True
        names: list[str] = []
        while self._is_name_alone():
            token = self._parse_name()
            names.append(token.value)
            self.classes.append(Named(token.value, token.place))
            if not self._take(","):
                break
        of_class: Test = lambda item, one: one is not None and one.class_name in names  # noqa: E731
        is_over = self._next.value == ")" and self._next.kind is TokenKind.SIGN
        if names and is_over and self._tokens[self._at - 1].value != ",":
            return of_class
        if is_list:
            raise self._fail(self._next, "the name of a class is expected")
        was_object, self._is_object = self._is_object, True
        test = self._parse_or()
        self._is_object = was_object
        return (lambda item, one: of_class(item, one) and test(item, one)) if names else test

    def _is_name_alone(self) -> bool:
        """Whether a name comes that stands by itself, and not as the first word of a condition."""
        token, behind = self._next, self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        is_name = token.kind in (TokenKind.WORD, TokenKind.TEXT, TokenKind.NUMBER)
        is_field = token.kind is TokenKind.WORD and token.value in ("empty", "true", "false", "not")
        return is_name and not is_field and behind.value in (",", ")") and behind.kind is TokenKind.SIGN

    def _parse_name(self) -> Token:
        token = self._next
        if token.kind not in (TokenKind.WORD, TokenKind.TEXT, TokenKind.NUMBER):
            raise self._fail(token, "a name is expected")
        self._at += 1
        return token

    def _read_named(self, token: Token, named: Token) -> _Operand:
        """Return the value of a tag or of custom data, of the objects where these are tested."""
        is_object, is_tag = self._is_object, token.value == "tag"
        wanted = named.value
        (self.tags if is_tag else self.customs).append(Named(wanted, named.place, is_object))

        def read(item: Item, one: AnnotatedObject | None) -> Scalar:
            holder = one if is_object and one is not None else item.annotation
            return _find_tag(holder.tags, wanted) if is_tag else holder.custom.get(wanted)

        return _Operand(ValueType.ANY, read, token)

    # --- what the types allow --------------------------------------------------------------------

    def _compare(self, left: _Operand, sign: Token, right: _Operand) -> Test:
        if left.is_constant and not right.is_constant:
            mirrored = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(sign.value, sign.value)
            test = self._compare(right, sign._replace(value=mirrored), left)
            return self._over_objects(test) if right.of_object and not self._is_object else test
        if sign.value == "!=":
            self._check_positive(left, sign)
        wanted = {left.type, right.type} - {ValueType.ANY}
        if len(wanted) > 1:
            hint = f"Write it in quotes: {right.token.value!r}." if left.type is ValueType.TEXT else ""
            raise self._fail(
                right.token, f"{left.token.value} is {left.type}, and this is {right.type}", hint=hint
            )
        if sign.value in ORDER_SIGNS and wanted - {ValueType.NUMBER}:
            raise self._fail(sign, f"{sign.value} compares numbers, and {left.token.value} is {left.type}")
        self._check_constant(left, right)
        compare = find_comparison(sign.value)
        read_left, read_right = _read_beside(left, right), _read_beside(right, left)
        return lambda item, one: compare(read_left(item, one), read_right(item, one))

    def _match_pattern(self, left: _Operand) -> Test:
        token = self._parse_name()
        if left.type not in (ValueType.TEXT, ValueType.ANY):
            raise self._fail(token, f"~ compares texts, and {left.token.value} is {left.type}")
        if is_open_glob(token.value):
            hint = 'Close it, "[abc]", or write "[[]" for the bracket itself.'
            raise self._fail(token, "a [ in this pattern is not closed", hint=hint)
        is_match, read = make_glob(token.value), left.read
        return lambda item, one: is_match(read(item, one))

    def _parse_in(self, left: _Operand) -> Test:
        self._expect("(")
        values: list[Scalar] = []
        while True:
            value = self._parse_value(right_of=left)
            if not value.is_constant:
                raise self._fail(value.token, "a number or a text is expected")
            if left.type not in (ValueType.ANY, value.type):
                raise self._fail(value.token, f"{left.token.value} is {left.type}, and this is {value.type}")
            self._check_constant(left, value)
            values.append(value.read(_NO_ITEM, None))
            if not self._take(","):
                break
        self._expect(")")
        read = left.read
        if left.type is not ValueType.ANY:
            return lambda item, one: is_among(read(item, one), values)

        def test(item: Item, one: AnnotatedObject | None) -> bool:
            value = read(item, one)
            return is_among(value, values) or is_among(read_number(value), values)

        return test

    def _as_flag(self, operand: _Operand) -> Test:
        """Return what stands without a comparison as a test: a flag, or that a value is there."""
        read, token = operand.read, operand.token
        if operand.type is ValueType.FLAG:
            return lambda item, one: bool(read(item, one))
        if operand.type is ValueType.ANY:
            return lambda item, one: read(item, one) not in (None, False)
        if operand.is_constant:
            raise self._fail(token, "this alone is no condition")
        raise self._fail(
            self._next, f"{token.value} is {operand.type}, so a comparison is expected behind it"
        )

    def _check_positive(self, left: _Operand, sign: Token) -> None:
        if left.of_object and not self._is_object:
            raise self._fail(
                sign,
                f"an item has many objects, so that it is not clear which {left.token.value} is meant",
                hint=f"Write none({left.token.value} == …) or any({left.token.value} != …).",
            )

    def _check_constant(self, left: _Operand, right: _Operand) -> None:
        if not right.is_constant:
            return
        value = right.read(_NO_ITEM, None)
        if left.choices and value not in left.choices:
            raise self._fail(
                right.token,
                f"{value!r} is no {left.token.value}",
                hint=suggest_name(str(value), left.choices),
            )
        if left.is_class:
            self.classes.append(Named(str(value), right.token.place))

    def _over_objects(self, test: Test) -> Test:
        return lambda item, _: any(test(item, one) for one in item.annotation.objects)

    def _constant(self, type: ValueType, value: Scalar, token: Token) -> _Operand:
        return _Operand(type, lambda item, one: value, token, is_constant=True)

    # --- tokens ----------------------------------------------------------------------------------

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, *words: str) -> bool:
        """Go on over one of these words or signs, if it is next."""
        is_next = self._next.value in words and self._next.kind in (TokenKind.WORD, TokenKind.SIGN)
        self._at += is_next
        return is_next

    def _is_word(self, word: str, ahead: int = 0) -> bool:
        token = self._tokens[min(self._at + ahead, len(self._tokens) - 1)]
        return token.kind is TokenKind.WORD and token.value == word

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._fail(self._next, f"`{sign}` is expected")

    def _fail(self, token: Token, what: str, *, hint: str = "") -> InvalidParameter:
        return make_error(self._text, token.place, what, hint)


def _quantify(name: str, test: Test) -> tuple[ValueType, Read]:
    match name:
        case "count":
            return ValueType.NUMBER, lambda item, _: sum(test(item, one) for one in item.annotation.objects)
        case "all":
            return ValueType.FLAG, lambda item, _: all(test(item, one) for one in item.annotation.objects)
        case "none":
            return ValueType.FLAG, lambda item, _: not any(test(item, one) for one in item.annotation.objects)
        case _:  # any, has
            return ValueType.FLAG, lambda item, _: any(test(item, one) for one in item.annotation.objects)


def _read_beside(operand: _Operand, other: _Operand) -> Read:
    """Return how a side is read: what is of any type, beside a number, as the number that a text writes."""
    read = operand.read
    if operand.type is not ValueType.ANY or other.type is not ValueType.NUMBER:
        return read
    return lambda item, one: read_number(read(item, one))


def _find_tag(tags: Sequence[Tag], name: str) -> Scalar:
    for tag in tags:
        if tag.name == name:
            return True if tag.value is None else tag.value
    return None


_NO_ITEM: Final = Item(dataset="", name="", blob=Digest(""), size_bytes=0, width_px=0, height_px=0)
