"""Mount tables: what is seen, and what is hidden by what was mounted later."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from proc_trees import TREES

from collectors.mounts import Mount, Mounts

LINE = "{0.number} {0.parent} {0.device} {0.root} {0.path} rw,relatime shared:1 master:2 - {0.kind} {0.source} rw\n"
NAMES = st.lists(st.sampled_from("abc"), max_size=3).map(lambda names: "/" + "/".join(names))


def mount(number: int, parent: int, path: str) -> Mount:
    return Mount(number, parent, f"8:{number}", "/", path, "ext4", f"/dev/sd{number}")


def seen(*mounts: Mount) -> dict[str, int]:
    return {each.path: each.number for each in Mounts(map(LINE.format, mounts))}


class Kernel:
    """A model of path lookup: mounting at a path puts a mount on whatever is seen there now."""

    def __init__(self) -> None:
        self.table = [mount(1, 0, "/")]

    def look(self, path: str) -> Mount:
        """Walk down from "/", and at each directory up whatever is mounted on it."""
        here, place = self.table[0], ""
        for name in path.split("/"):
            place = f"{place}/{name}".replace("//", "/")
            while on := [each for each in self.table[1:] if (each.parent, each.path) == (here.number, place)]:
                here = on[-1]
        return here

    def mount(self, path: str) -> None:
        """Mount a new file system at a path."""
        self.table.append(mount(len(self.table) + 1, self.look(path).number, path))


def test_a_line_is_read() -> None:
    (found,) = Mounts(["36 35 98:0 /a /mnt\\040\\1342 rw,noatime - ext3 /dev/root rw,errors=continue\n"])
    assert found == (36, 35, "98:0", "/a", "/mnt \\2", "ext3", "/dev/root")


def test_what_is_no_line_of_a_table_is_left_out() -> None:
    assert not list(Mounts(["", "\n", "36 35 98:0\n", "x 35 98:0 / / rw - ext3 /dev/sda rw\n"]))


def test_of_two_at_one_place_the_upper_is_seen() -> None:
    assert seen(mount(1, 0, "/"), mount(2, 1, "/a"), mount(3, 2, "/a")) == {"/": 1, "/a": 3}


def test_a_mount_hides_all_that_is_below_it_however_deep() -> None:
    table = [
        mount(1, 0, "/"),
        mount(2, 1, "/a/b"),
        mount(3, 2, "/a/b/c/d"),
        mount(4, 3, "/a/b/c/d/e"),
        mount(5, 1, "/a"),
    ]
    assert seen(*table) == {"/": 1, "/a": 5}


def test_the_first_root_lies_below_the_real_one() -> None:
    table = [mount(1, 1, "/"), mount(22, 29, "/sys"), mount(29, 1, "/")]
    assert seen(*table) == {"/": 29, "/sys": 22}


@given(paths=st.lists(NAMES, max_size=12))
def test_what_is_seen_is_what_a_walk_along_the_path_comes_to(paths: list[str]) -> None:
    kernel = Kernel()
    for path in paths:
        kernel.mount(path)
    assert seen(*kernel.table) == {each.path: each.number for each in kernel.table if kernel.look(each.path) == each}


@given(lines=st.lists(st.text(max_size=60)), numbers=st.lists(st.tuples(*[st.integers(0, 5)] * 2, NAMES)))
def test_any_table_is_read_to_its_end(lines: list[str], numbers: list[tuple[int, int, str]]) -> None:
    table = [*lines, *(LINE.format(mount(*each)) for each in numbers)]
    assert len(list(Mounts(table))) <= len(numbers)


def test_a_recorded_table_is_read_whole() -> None:
    found = {
        each.path: each for each in Mounts((TREES / "server" / "1" / "mountinfo").read_text().splitlines(keepends=True))
    }
    assert (found["/"].source, found["/boot"].kind) == ("/dev/dm-2", "ext2")
    assert any("[vsanDatastore] bafb9e5a" in path for path in found)
