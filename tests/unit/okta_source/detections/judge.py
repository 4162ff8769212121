"""pySigma's reading of a rule and ours, in one form that can be compared."""

import re
from typing import Any

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR, ConditionValueExpression
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from okta_source.detections.sigma.expression import And, Expression, Not, Test
from okta_source.detections.sigma.modifiers import FLAGS, NUMERIC
from okta_source.detections.sigma.parse import parse_rules
from okta_source.detections.sigma.patterns import Wild
from okta_source.detections.sigma.predicates import _encoded, text_of

Form = tuple[Any, ...]


def ours(text: str) -> Form:
    """Our reading; an error where the rule is refused."""
    rules, problems = parse_rules("rule.yml", text, {}, any_product=True)
    if not rules:
        raise ValueError("; ".join(map(str, problems)))
    return _flat(_of_expression(rules[0].detection))  # type: ignore[union-attr]


def theirs(text: str) -> Form:
    """pySigma's reading."""
    rule = SigmaRule.from_yaml(text)
    conditions = [condition.parsed for condition in rule.detection.parsed_condition]
    return _flat(("or", *map(_of_condition, conditions)))


def _of_expression(expression: Expression) -> Form:
    if isinstance(expression, Test):
        return _of_test(expression)
    if isinstance(expression, Not):
        return ("not", _of_expression(expression.arg))
    return ("and" if isinstance(expression, And) else "or", *map(_of_expression, expression.args))


def _of_test(test: Test) -> Form:
    given = set(test.modifiers)
    found = ("and" if "all" in given else "or", *(_of_value(test, value, given) for value in test.values))
    return ("not", found) if "neq" in given else found


def _of_value(test: Test, value: Any, given: set[str]) -> Form:
    if value is None:
        return ("null", test.field)
    if "exists" in given:
        return ("exists", test.field, value)
    if "fieldref" in given:
        return ("field", test.field, value)
    if "re" in given:
        return ("re", test.field, value, "".join(sorted(FLAGS[name] for name in given & FLAGS.keys())))
    if "cidr" in given:
        return ("cidr", test.field, value)
    if given & NUMERIC:
        return (next(iter(given & NUMERIC)), test.field, float(value))
    texts = []
    for text in _encoded(value, test.modifiers, {}):
        parts = ["*"] if given & {"contains", "endswith"} else []
        parts += [part.value if isinstance(part, Wild) else re.sub(r"([\\*?])", r"\\\1", part) for part in text]
        parts += ["*"] if given & {"contains", "startswith"} else []
        texts.append(("is", test.field, re.sub(r"(?<!\\)\*\*", "*", "".join(parts)), "cased" in given))
    return ("or", *texts)


def _of_condition(condition: Any) -> Form:
    if isinstance(condition, ConditionAND):
        return ("and", *map(_of_condition, condition.args))
    if isinstance(condition, ConditionOR):
        return ("or", *map(_of_condition, condition.args))
    if isinstance(condition, ConditionNOT):
        return ("not", *map(_of_condition, condition.args))
    field = condition.field if isinstance(condition, ConditionFieldEqualsValueExpression) else ""
    assert isinstance(condition, ConditionFieldEqualsValueExpression | ConditionValueExpression)
    return _of_their_value(field, condition.value)


def _of_their_value(field: str, value: Any) -> Form:
    if isinstance(value, SigmaString):
        parts = [
            {SpecialChars.WILDCARD_MULTI: "*", SpecialChars.WILDCARD_SINGLE: "?"}[part]
            if isinstance(part, SpecialChars)
            else re.sub(r"([\\*?])", r"\\\1", part)
            for part in value.s
        ]
        return ("is", field, re.sub(r"(?<!\\)\*\*", "*", "".join(parts)), type(value).__name__ == "SigmaCasedString")
    if isinstance(value, SigmaNumber):
        return ("is", field, text_of(value.number), False)
    if isinstance(value, SigmaBool):
        return ("is", field, text_of(value.boolean), False)
    return _of_their_other_value(field, value)


def _of_their_other_value(field: str, value: Any) -> Form:
    if isinstance(value, SigmaNull):
        return ("null", field)
    if isinstance(value, SigmaExists):
        return ("exists", field, value.exists)
    if isinstance(value, SigmaFieldReference):
        return ("field", field, value.field)
    if isinstance(value, SigmaRegularExpression):
        return ("re", field, str(value.regexp), "".join(sorted(flag.name[0].lower() for flag in value.flags)))
    if isinstance(value, SigmaCIDRExpression):
        return ("cidr", field, str(value.cidr))
    if isinstance(value, SigmaCompareExpression):
        return (value.op.name.lower(), field, float(value.number.number))
    items = getattr(value, "values", None)  # what a modifier has made several of
    assert items is not None, value
    return ("or", *(_of_their_value(field, item) for item in items))


def _flat(form: Form) -> Form:
    """Without joints of one, and with nested joints of one kind as one; the order of arms says nothing."""
    if form[0] == "not":
        return ("not", _flat(form[1]))
    if form[0] not in ("and", "or"):
        return form
    arms: list[Form] = []
    for arm in map(_flat, form[1:]):
        arms += arm[1:] if arm[0] == form[0] else [arm]
    arms = sorted(dict.fromkeys(arms), key=repr)
    return arms[0] if len(arms) == 1 else (form[0], *arms)
