"""Topics and patterns: tables of cases, and two slow oracles that were written from the grammar's words alone."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mq.errors import BadPattern, BadTopic, FrameRefused
from mq.frame import Content, Wanted, check, seal
from mq.topic import TOPIC_BYTES_MAX, Pattern, encode_topic, is_open, is_reserved, is_topic, segment_of

LONGEST = b"a" * TOPIC_BYTES_MAX

TOPICS = [
    b"a",
    b"0",
    b"_",
    b"-",
    b"host/node1/cpu",
    b"A/z/Z/9",
    b"a.b/c.d",
    b"a./b",
    b"a..b",
    b"_mq",
    b"_mq/consumers",
    b"a/_mq",
    b"--/__/a-",
    b"a" * 99 + b"/" + b"b" * 100,
    LONGEST,
]

NO_TOPICS = [
    b"",
    b"/",
    b"/a",
    b"a/",
    b"a//b",
    b".",
    b"..",
    b".a",
    b"a/.b",
    b"a/..",
    b"../a",
    b"a b",
    b"a\n",
    b"\na",
    b"a\0",
    b"a/b\0c",
    b"a+",
    b"+",
    b"a/+/b",
    b"#",
    b"a/#",
    b"a@b",
    b"a\\b",
    b"a:b",
    b"a,b",
    b"caf\xc3\xa9",
    b"\xff",
    b"\x80",
    LONGEST + b"a",
    b"a/" * 100 + b"a",
]

MATCHES = [
    ("a", ["a"], ["b", "aa", "a/b", "_mq"]),
    ("a/b", ["a/b"], ["a", "a/b/c", "a/c", "b/b"]),
    ("+", ["a", "b.c"], ["a/b", "_mq"]),
    ("+/+", ["a/b", "a/_mq"], ["a", "a/b/c", "_mq/a"]),
    ("a/+", ["a/b", "a/c"], ["a", "a/b/c", "b/b"]),
    ("a/+/c", ["a/b/c", "a/x/c"], ["a/b/d", "a/c", "a/b/b/c"]),
    ("+/b", ["a/b"], ["a/c", "b", "_mq/b"]),
    ("#", ["a", "a/b", "a/b/c", "_mqa", "a/_mq"], ["_mq", "_mq/a"]),
    ("a/#", ["a", "a/b", "a/b/c"], ["ab", "b", "b/a", "_mq/a"]),
    ("a/b/#", ["a/b", "a/b/c/d"], ["a", "a/bc", "a/c"]),
    ("a/+/#", ["a/b", "a/b/c"], ["a", "b/b"]),
    ("+/#", ["a", "a/b"], ["_mq", "_mq/a"]),
    ("+/b/#", ["a/b", "a/b/c"], ["a", "_mq/b"]),
    ("_mq", ["_mq"], ["a", "_mq/a"]),
    ("_mq/#", ["_mq", "_mq/a", "_mq/a/b"], ["a", "_mqa"]),
    ("_mq/+", ["_mq/a"], ["_mq", "_mq/a/b"]),
]

BAD_PATTERNS = [
    *("", "/", "a/", "/a", "a//b", "#/a", "a/#/b", "a/#/#", "a#", "a/b#", "#a", "a+", "+a", "a/+b", "a/++"),
    *("##", ".a", "a/.b/#", "a b", "a\n", "a/+\n", "a/#\n", "a\0", "é", "\ud800", "a*", "$SYS/#"),
    *("a" * 201, "a/" * 100 + "#"),
]

PREFIXES = [
    ("a", [b"a\0"]),
    ("a/b", [b"a/b\0"]),
    ("a/#", [b"a/", b"a\0"]),
    ("a/b/#", [b"a/b/", b"a/b\0"]),
    ("#", [b""]),
    ("+", [b""]),
    ("+/b", [b""]),
    ("+/#", [b""]),
    ("a/+", [b"a/"]),
    ("a/+/c", [b"a/"]),
    ("a/b/+/#", [b"a/b/"]),
    ("_mq/#", [b"_mq/", b"_mq\0"]),
]

relaxed = settings(deadline=None)
SEGMENTS = st.sampled_from(["a", "b", "ab", "a.b", "_mq", "-", "0"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)
WILD = st.lists(SEGMENTS | st.just("+"), min_size=0, max_size=4)
PATTERNS = st.builds(lambda segments, last: "/".join([*segments, last]), WILD, SEGMENTS | st.sampled_from("+#"))


def is_topic_slowly(name: bytes) -> bool:
    allowed = (string.ascii_letters + string.digits + "_.-").encode()
    segments: list[list[int]] = [[]]
    for byte in name:
        if byte == ord("/"):
            segments.append([])
        else:
            segments[-1].append(byte)
    for segment in segments:
        if not segment or segment[0] == ord(".") or any(byte not in allowed for byte in segment):
            return False
    return len(name) <= 200


def matches_slowly(pattern: list[str], topic: list[str]) -> bool:
    if pattern == ["#"]:
        return True
    if not pattern or not topic:
        return not pattern and not topic
    return pattern[0] in ("+", topic[0]) and matches_slowly(pattern[1:], topic[1:])


def matches_by_the_book(pattern: str, topic: str) -> bool:
    wanted, segments = pattern.split("/"), topic.split("/")
    if segments[0] == "_mq" and wanted[0] in ("+", "#"):
        return False
    return matches_slowly(wanted, segments)


@pytest.mark.parametrize("name", TOPICS)
def test_what_follows_the_grammar_is_a_topic(name: bytes) -> None:
    assert is_topic(name)
    assert is_topic_slowly(name)
    assert encode_topic(name.decode()) == name


@pytest.mark.parametrize("name", NO_TOPICS)
def test_what_breaks_the_grammar_is_none(name: bytes) -> None:
    assert not is_topic(name)
    assert not is_topic_slowly(name)
    with pytest.raises(BadTopic):
        encode_topic(name.decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("topic", ["é", "\ud800", "a\u0661", "\uff41"])
def test_a_letter_outside_ascii_makes_no_topic(topic: str) -> None:
    with pytest.raises(BadTopic) as caught:
        encode_topic(topic)
    assert caught.value.topic == topic


def test_the_error_names_the_topic_and_the_grammar() -> None:
    with pytest.raises(BadTopic, match=r"'a//b' is not a topic: .*200 bytes"):
        encode_topic("a//b")


def test_only_names_of_bounded_length_are_remembered() -> None:
    before = is_open.cache_info().misses
    with pytest.raises(FrameRefused, match="bad_topic"):
        check(seal(Content(b"long" * 100_000, 1, False, b""), produced=0, producer=0, sequence=0, wanted=Wanted.NONE))
    assert is_open.cache_info().misses == before
    assert is_open.cache_info().maxsize is not None


def test_an_odd_host_name_becomes_a_segment() -> None:
    assert segment_of("node-1.example") == "node-1.example"
    assert segment_of(".büro/7 b") == "b-ro-7-b"
    assert segment_of("...") == "unnamed"
    assert is_topic(segment_of("über").encode())


@relaxed
@given(st.binary(max_size=12) | st.text("ab/._-+#A9é\0 ", max_size=8).map(str.encode))
def test_the_grammar_and_the_slow_oracle_agree(name: bytes) -> None:
    assert is_topic(name) == is_topic_slowly(name)


@relaxed
@given(st.integers(195, 205), st.sampled_from([b"a", b"/", b".", b"+"]))
def test_the_grammar_and_the_slow_oracle_agree_near_the_greatest_length(size: int, last: bytes) -> None:
    name = b"x" * (size - 1) + last
    assert is_topic(name) == is_topic_slowly(name)


@pytest.mark.parametrize(
    ("name", "reserved"),
    [(b"_mq", True), (b"_mq/a", True), (b"_mq/a/b", True), (b"_mqa", False), (b"_mq.a/b", False), (b"a/_mq", False)],
)
def test_what_is_below_mq_is_reserved(name: bytes, reserved: bool) -> None:
    assert is_reserved(name) is reserved


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [(pattern, topic, True) for pattern, topics, _ in MATCHES for topic in topics]
    + [(pattern, topic, False) for pattern, _, topics in MATCHES for topic in topics],
)
def test_a_pattern_matches_what_mqtt_says(pattern: str, topic: str, expected: bool) -> None:
    assert Pattern.parse(pattern).matches(topic) is expected
    assert matches_by_the_book(pattern, topic) is expected


@pytest.mark.parametrize("text", BAD_PATTERNS)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(BadPattern) as caught:
        Pattern.parse(text)
    assert caught.value.pattern == text


@pytest.mark.parametrize("name", [name for name in TOPICS if is_topic(name)])
def test_every_topic_is_a_pattern_for_itself(name: bytes) -> None:
    pattern = Pattern.parse(name.decode())
    assert pattern.exact
    assert pattern.matches(name.decode())
    assert pattern.prefixes() == [name + b"\0"]


@pytest.mark.parametrize(("text", "exact"), [("a/b", True), ("a/+", False), ("a/#", False), ("#", False)])
def test_only_a_pattern_without_wildcards_is_exact(text: str, exact: bool) -> None:
    assert Pattern.parse(text).exact is exact


@pytest.mark.parametrize(("text", "prefixes"), PREFIXES)
def test_the_prefixes_of_a_pattern_are_these(text: str, prefixes: list[bytes]) -> None:
    assert Pattern.parse(text).prefixes() == prefixes


@settings(deadline=None, max_examples=500)
@given(PATTERNS, PATHS)
def test_matching_and_the_slow_oracle_agree(pattern: str, topic: str) -> None:
    assert Pattern.parse(pattern).matches(topic) == matches_by_the_book(pattern, topic)


@settings(deadline=None, max_examples=500)
@given(PATTERNS, PATHS)
def test_all_that_matches_starts_with_a_prefix(pattern: str, topic: str) -> None:
    parsed = Pattern.parse(pattern)
    if parsed.matches(topic):
        assert any((topic.encode() + b"\0").startswith(prefix) for prefix in parsed.prefixes())


@relaxed
@given(PATHS, PATHS)
def test_a_subscription_to_one_topic_never_sees_another(wanted: str, other: str) -> None:
    (prefix,) = Pattern.parse(wanted).prefixes()
    assert (other.encode() + b"\0").startswith(prefix) is (wanted == other)


@relaxed
@given(st.text("ab/+#._", max_size=8))
def test_a_pattern_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        parsed = Pattern.parse(text)
    except BadPattern:
        return
    assert parsed.text == text
    assert "/".join([*parsed.segments, *(["#"] if parsed.open_ended else [])]) == text
