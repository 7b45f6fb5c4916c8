"""Settings: from a file, from the environment, which wins; and a sentence that says what is wrong, and where."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mq.config import BROKER_DEFAULT, NUMBERS, Config, Retention, load
from mq.errors import BadSetting
from mq.frame import FRAME_BYTES_MAX
from mq.topic import Pattern

NAMES = list(NUMBERS)
every_setting = pytest.mark.parametrize("name", NAMES)

OFF_AT_0 = {"disk_free_bytes_min", "producer_records_s_max", "producer_bytes_s_max", "stats_interval_s"}


def write(directory: Path, text: str, name: str = "minimq.toml") -> Path:
    path = directory / name
    path.write_text(text, "utf-8")
    return path


def least_of(name: str) -> float:
    (spec,) = (each for each in fields(Config) if each.name == name)
    least: float = spec.metadata["least"]
    return least


def test_without_a_file_and_without_variables_all_is_default(tmp_path: Path) -> None:
    assert load({}, tmp_path) == Config()


def test_the_file_in_the_working_directory_is_read(tmp_path: Path) -> None:
    write(tmp_path, "[broker]\ntopics_max = 7\nsync_interval_s = 0.5\n")
    assert load({}, tmp_path) == Config(topics_max=7, sync_interval_s=0.5)


def test_the_environment_is_read(tmp_path: Path) -> None:
    chosen = load({"MINIMQ_TOPICS_MAX": "7", "MINIMQ_SYNC_INTERVAL_S": "0.5"}, tmp_path)
    assert chosen == Config(topics_max=7, sync_interval_s=0.5)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    write(tmp_path, "[broker]\ntopics_max = 7\nopen_files_max = 9\n")
    assert load({"MINIMQ_TOPICS_MAX": "8"}, tmp_path) == Config(topics_max=8, open_files_max=9)


def test_a_bad_value_in_the_file_does_no_harm_where_the_environment_wins(tmp_path: Path) -> None:
    write(tmp_path, '[broker]\ntopics_max = "many"\n')
    assert load({"MINIMQ_TOPICS_MAX": "8"}, tmp_path).topics_max == 8


def test_a_named_file_is_read_instead_of_the_one_in_the_working_directory(tmp_path: Path) -> None:
    write(tmp_path, "[broker]\ntopics_max = 7\n")
    other = write(tmp_path, "[broker]\ntopics_max = 9\n", "other.toml")
    assert load({"MINIMQ_CONFIG": str(other)}, tmp_path).topics_max == 9


def test_a_named_file_that_is_missing_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "absent.toml"
    with pytest.raises(BadSetting) as caught:
        load({"MINIMQ_CONFIG": str(path)}, tmp_path)
    assert caught.value.name == "MINIMQ_CONFIG"
    assert "environment" in caught.value.place
    assert str(path) in str(caught.value)


def test_an_empty_name_of_a_file_means_none(tmp_path: Path) -> None:
    assert load({"MINIMQ_CONFIG": ""}, tmp_path) == Config()
    write(tmp_path, "[broker]\ntopics_max = 7\n")
    assert load({"MINIMQ_CONFIG": ""}, tmp_path).topics_max == 7


@every_setting
def test_each_setting_can_come_from_the_file_and_from_the_environment(name: str, tmp_path: Path) -> None:
    least = least_of(name)
    from_environment = load({f"MINIMQ_{name.upper()}": str(least)}, tmp_path)
    write(tmp_path, f"[broker]\n{name} = {least}\n")
    assert getattr(load({}, tmp_path), name) == getattr(from_environment, name) == least


@every_setting
def test_each_default_is_no_less_than_the_least_and_of_the_type_it_says(name: str, tmp_path: Path) -> None:
    default = getattr(Config(), name)
    assert default >= least_of(name)
    assert type(default) is (float if name.endswith("_s") else int)
    assert type(getattr(load({f"MINIMQ_{name.upper()}": "9999999"}, tmp_path), name)) is type(default)


@every_setting
def test_each_setting_has_a_least_and_says_why_it_is_there(name: str) -> None:
    (spec,) = (each for each in fields(Config) if each.name == name)
    assert set(spec.metadata) == {"least", "why"}
    assert spec.metadata["least"] > 0 or name in OFF_AT_0
    assert len(spec.metadata["why"]) > 10


@every_setting
def test_each_name_says_its_unit_or_that_it_is_a_most(name: str) -> None:
    assert name.endswith(("_max", "_min", "_bytes", "_s"))


@every_setting
@pytest.mark.parametrize("text", ["", " ", "many", "1 MB", "0x", "1e", "--1", "1;2", "nan", "inf", "-inf", "9" * 5000])
def test_what_is_no_number_is_refused_by_the_name_of_the_setting_and_the_variable(
    name: str, text: str, tmp_path: Path
) -> None:
    variable = f"MINIMQ_{name.upper()}"
    with pytest.raises(BadSetting, match=r"is not a (whole )?number") as caught:
        load({variable: text}, tmp_path)
    assert caught.value.name == name
    assert variable in caught.value.place


@every_setting
def test_what_is_too_low_is_refused_and_the_least_named(name: str, tmp_path: Path) -> None:
    least = least_of(name)
    for low in (str(least - 1), "-1", "-9" + "0" * 300, *(() if name in OFF_AT_0 else "0")):
        with pytest.raises(BadSetting) as caught:
            load({f"MINIMQ_{name.upper()}": low}, tmp_path)
        assert str(caught.value).endswith(f"is below the least that works, {least}")
        assert f"MINIMQ_{name.upper()}" in str(caught.value)


@pytest.mark.parametrize(
    "written",
    ["'many'", "''", "true", "false", "[7]", "{ a = 1 }", "1979-05-27", "inf", "-inf", "nan", "7.5", "9" * 400 + ".0"],
)
def test_a_value_in_the_file_that_is_no_whole_number_is_refused(written: str, tmp_path: Path) -> None:
    path = write(tmp_path, f"[broker]\ntopics_max = {written}\n")
    with pytest.raises(BadSetting, match="is not a whole number") as caught:
        load({}, tmp_path)
    assert (caught.value.name, caught.value.place) == ("topics_max", str(path))


@pytest.mark.parametrize("written", ["inf", "nan", "true", "'soon'", "[1]", "1" + "0" * 400])
def test_a_time_in_the_file_that_is_no_number_is_refused(written: str, tmp_path: Path) -> None:
    write(tmp_path, f"[broker]\nsync_interval_s = {written}\n")
    with pytest.raises(BadSetting, match="is not a number"):
        load({}, tmp_path)


@pytest.mark.parametrize(
    ("written", "number"), [("4096", 4096), ("'4096'", 4096), ("0x1000", 4096), ("4_096", 4096), ("4.096e3", 4096)]
)
def test_a_whole_number_may_be_written_in_any_way_that_toml_knows(written: str, number: int, tmp_path: Path) -> None:
    write(tmp_path, f"[broker]\nframe_bytes_max = {written}\n")
    chosen = load({}, tmp_path).frame_bytes_max
    assert (chosen, type(chosen)) == (number, int)


def test_a_whole_number_serves_as_a_time(tmp_path: Path) -> None:
    write(tmp_path, "[broker]\nsync_interval_s = 2\n")
    assert load({}, tmp_path).sync_interval_s == 2.0


def test_a_name_that_is_no_setting_is_refused_and_the_file_named(tmp_path: Path) -> None:
    path = write(tmp_path, "[broker]\nframe_byte_max = 2048\n")
    with pytest.raises(BadSetting) as caught:
        load({}, tmp_path)
    assert str(caught.value) == f"frame_byte_max in {path}: there is no such setting"


@pytest.mark.parametrize("text", ["[broker\n", "broker = 3\n", "[[broker]]\n", "a = \n"])
def test_a_file_of_another_shape_is_refused_and_named(text: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadSetting) as caught:
        load({}, tmp_path)
    assert caught.value.place == str(path)


def test_a_file_that_is_no_text_is_refused_and_named(tmp_path: Path) -> None:
    (tmp_path / "minimq.toml").write_bytes(b"[broker]\n\xff\xfe = 1\n")
    with pytest.raises(BadSetting, match=r"minimq\.toml"):
        load({}, tmp_path)


def test_a_directory_in_the_files_place_is_refused_and_named(tmp_path: Path) -> None:
    (tmp_path / "minimq.toml").mkdir()
    with pytest.raises(BadSetting, match=r"minimq\.toml"):
        load({}, tmp_path)


@pytest.mark.parametrize("text", ["", "[broker]\n", "[viewer]\nport = 8080\n", "title = 'x'\n"])
def test_tables_of_others_and_empty_ones_change_nothing(text: str, tmp_path: Path) -> None:
    write(tmp_path, text)
    assert load({}, tmp_path) == Config()


def test_variables_of_others_change_nothing(tmp_path: Path) -> None:
    assert load({"MINIMQ_BROKER": "tcp://h:1", "TOPICS_MAX": "x", "MINIMQ_": "x"}, tmp_path) == Config()


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().topics_max = 3  # type: ignore[misc]


def test_the_defaults_agree_with_the_rest_of_the_house() -> None:
    assert BROKER_DEFAULT == "tcp://127.0.0.1:5557"
    assert Config().frame_bytes_max == FRAME_BYTES_MAX < Config().wire_bytes_max


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(NAMES), st.text(max_size=12) | st.integers().map(str) | st.floats().map(str))
def test_any_text_is_a_setting_or_refused_and_nothing_else(tmp_path: Path, name: str, text: str) -> None:
    chosen, refused = Config(), None
    try:
        chosen = load({f"MINIMQ_{name.upper()}": text}, tmp_path)
    except BadSetting as error:
        refused = error.name
    assert refused in (None, name)
    assert getattr(chosen, name) >= least_of(name)


def test_a_setting_outside_of_its_table_is_no_setting(tmp_path: Path) -> None:
    (tmp_path / "minimq.toml").write_text("segment_bytes = 5000\n")
    with pytest.raises(BadSetting, match=r"segment_bytes in .*minimq.toml: stands outside of the table \[broker\]"):
        load({}, tmp_path)


# --- what some topics keep -----------------------------------------------------------------------------------------


def test_some_topics_may_keep_more_or_less_than_others(tmp_path: Path) -> None:
    write(
        tmp_path,
        '[broker]\ntopic_age_s = 60\n[[retention]]\npattern = "host/+/cpu"\ntopic_age_s = 3600\n'
        '[[retention]]\npattern = "audit/#"\ntopic_bytes_max = 8192\ntopic_records_max = 7\n',
    )
    assert load({}, tmp_path) == Config(
        topic_age_s=60.0,
        retention=(
            Retention(Pattern.parse("host/+/cpu"), {"topic_age_s": 3600.0}),
            Retention(Pattern.parse("audit/#"), {"topic_bytes_max": 8192, "topic_records_max": 7}),
        ),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("retention = 7", "retention in .*: must be tables"),
        ("retention = [7]", "retention in .*: must be tables"),
        ("[[retention]]", r"pattern in .*\[\[retention\]\] number 1: must be there"),
        ('[[retention]]\npattern = "a/#/b"', r"pattern in .*number 1: "),
        ('[[retention]]\npattern = "a"\n[[retention]]\npattern = "b"\nage = 7', "age in .*number 2: there is no such"),
        ('[[retention]]\npattern = "a"\ntopic_age_s = "long"', "topic_age_s in .*number 1: 'long' is not a number"),
        ('[[retention]]\npattern = "a"\ntopic_bytes_max = 1', "topic_bytes_max in .*number 1: 1 is below"),
    ],
)
def test_what_is_said_of_some_topics_wrongly_is_named_with_its_place(tmp_path: Path, text: str, why: str) -> None:
    write(tmp_path, text)
    with pytest.raises(BadSetting, match=why):
        load({}, tmp_path)
