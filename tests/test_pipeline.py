"""The pipeline's own laws: dvc.yaml says what the code does, layers import one way, params.yaml means one thing."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.serialize import modify_yaml
from ruamel.yaml import YAML

from stages.common.modality import KINDS
from stages.common.params import read_yaml
from stages.data import acquire
from tests.clones import ROOT

LAYERS = ("common", "learning", "data", "features", "fusion", "generation", "evaluation")
ROOMS = ("judges", "metrics", "attacks", "page")  # of the evaluation, in which imports run one way too
PARAMS = ("params.yaml", "tests/tiny.yaml")
OWN = "${acquire.path}"  # the user's data: no stage makes it


@dataclass(frozen=True)
class Stage:
    """A stage of dvc.yaml, one of many of a kind."""

    name: str
    desc: str
    script: Path
    code: tuple[str, ...]
    data: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]
    item: dict[str, str]


def entries(stage: dict[str, Any], key: str, item: dict[str, str]) -> tuple[str, ...]:
    """The paths or names below `key`, with the item filled in; what is twice in them, once."""
    plain = (next(iter(entry)) if isinstance(entry, dict) else entry for entry in stage.get(key, []))
    return tuple(dict.fromkeys(fill(entry, item) for entry in plain if entry != OWN))


def fill(text: str, item: dict[str, str]) -> str:
    return re.sub(r"\$\{(key|item)\}", lambda found: item[found[1]], text)


def expanded() -> Iterator[Stage]:
    """Every stage of dvc.yaml, those for each of many as the many."""
    values = read_yaml(ROOT / "params.yaml")
    for name, stage in read_yaml(ROOT / "dvc.yaml")["stages"].items():
        many = values[stage["foreach"].strip("${}")] if "foreach" in stage else {"": ""}
        stage = stage.get("do", stage)
        for key, of in many.items():
            item = {"key": key, "item": of} if key else {}
            deps = entries(stage, "deps", item)
            yield Stage(
                name=f"{name}@{key}" if key else name,
                desc=stage.get("desc", ""),
                script=Path(stage["cmd"].split()[2].replace(".", "/") + ".py"),
                code=tuple(dep for dep in deps if dep.startswith("stages/")),
                data=tuple(dep for dep in deps if not dep.startswith("stages/")),
                params=entries(stage, "params", item),
                outs=tuple(out for key in ("outs", "metrics", "plots") for out in entries(stage, key, item)),
                item=item,
            )


STAGES = list(expanded())
SOURCES = sorted(path.relative_to(ROOT) for path in (ROOT / "stages").rglob("*.py"))
every_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imported(path: Path) -> set[Path]:
    """The files of the project that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}:{node.lineno}: import from the root, `from stages...`"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    files = {Path(name.replace(".", "/") + ".py") for name in names if name.startswith("stages.")}
    return {file for file in files if (ROOT / file).is_file()}


def closure(path: Path) -> set[Path]:
    """A file and everything of the project that is imported with it."""
    found: set[Path] = set()
    new = {path}
    while new:
        found |= new
        new = {more for file in new for more in imported(file)} - found
    return found


def covers(dep: str, path: Path | str) -> bool:
    return Path(dep) == Path(path) or Path(dep) in Path(path).parents


def text_of(node: ast.expr, item: dict[str, str]) -> str:
    """A string in the code; in a formatted one, a name stands for the key of the item."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, item) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        assert isinstance(node.value, ast.Name), ast.unparse(node)
        return item["key"]
    assert isinstance(node, ast.Constant), ast.unparse(node)
    return str(node.value)


def calls(path: Path, function: str) -> Iterator[ast.Call]:
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function:
            yield node


def loaded(stage: Stage) -> set[str]:
    """The sections that a script loads, ``load(Model, "section")`` or ``load_modalities()``."""
    sections = {text_of(call.args[1], stage.item) for call in calls(stage.script, "load")}
    sections |= {"modalities" for _ in calls(stage.script, "load_modalities")}
    named = {text_of(call.args[1], stage.item) for call in calls(stage.script, "load_named")}
    if not stage.item:
        return sections | named
    key, kind = stage.item["key"], stage.item["item"]
    own = {f"{section}.{part}" for section in named for part in (key, kind)}
    return sections - {"modalities"} | own | {f"modalities.{key}"}


@every_stage
def test_who_can_be_restored_depends_on_whole_outputs(stage: Stage) -> None:
    """Of a stage that an experiment restores from the run-cache, DVC asks whose output each dependency is a part of,
    and reads that in the dvc.lock of the commit: in a clone without its data it fails ("failed to load directory").

    Of `acquire`, the first stage, it knows better by then; and `report`, whose figures are Git's, is always run.
    """
    whole = {Path(out) for other in STAGES for out in other.outs if other.name != "acquire"}
    assert stage.name == "report" or not [dep for dep in stage.data if whole & set(Path(dep).parents)]


@every_stage
def test_every_import_is_a_declared_dependency(stage: Stage) -> None:
    hidden = {str(file) for file in closure(stage.script) if not any(covers(dep, file) for dep in stage.code)}
    assert not hidden, f"dvc.yaml: stage '{stage.name}' imports {sorted(hidden)} but does not list them in deps"


@every_stage
def test_every_declared_code_dependency_is_imported(stage: Stage) -> None:
    code = closure(stage.script)
    idle = [dep for dep in stage.code if not any(covers(dep, file) for file in code)]
    assert not idle, f"dvc.yaml: stage '{stage.name}' lists {idle} in deps but imports nothing of it"
    missing = [dep for dep in stage.code if not (ROOT / dep).exists()]
    assert not missing, f"dvc.yaml: stage '{stage.name}' lists {missing}, which does not exist"


@every_stage
def test_files_that_code_reads_beside_itself_are_declared(stage: Stage) -> None:
    """A template or table next to a module, named in it."""
    for path in closure(stage.script):
        named = {str(node.value) for node in ast.walk(syntax(path)) if isinstance(node, ast.Constant)}
        beside = {str(file.relative_to(ROOT)) for file in (ROOT / path.parent).iterdir() if file.suffix != ".py"}
        hidden = {file for file in beside if Path(file).name in named and not any(covers(d, file) for d in stage.code)}
        assert not hidden, f"dvc.yaml: stage '{stage.name}' reads {sorted(hidden)} but does not list them in deps"


def test_nothing_is_imported_by_a_computed_name() -> None:
    known = {"stages/data/kinds/modalities.py", "stages/data/kinds/extra.py"}  # modules of that folder, and libraries
    computed = [
        str(path)
        for path in SOURCES
        if re.search(r"import_module|__import__|runpy", (ROOT / path).read_text()) and str(path) not in known
    ]
    assert not computed, "the two tests above cannot see such imports"


@every_stage
def test_params_listed_are_those_loaded(stage: Stage) -> None:
    assert set(stage.params) == loaded(stage), f"dvc.yaml: stage '{stage.name}'"


@every_stage
def test_data_read_is_a_declared_dependency(stage: Stage) -> None:
    """A folder named in the script, ``Path("data/...")``, is an input; each is made by some stage, but for `models`."""
    named = {text_of(call.args[0], stage.item) for call in calls(stage.script, "Path") if call.args}
    inputs = {name for name in named if name.startswith("data/")}
    assert inputs <= {name for name in inputs if any(covers(dep, name) or covers(name, dep) for dep in stage.data)}
    made = [out for other in STAGES for out in other.outs]
    assert all(
        any(covers(out, dep) or covers(dep, out) for out in made) for dep in stage.data if not covers("models", dep)
    )


@every_stage
def test_a_stage_says_what_it_does_and_keeps_its_name(stage: Stage) -> None:
    assert stage.desc.startswith("Layer ")
    assert stage.script.stem == stage.name.partition("@")[0]
    assert f"data/{stage.name.replace('@', '/')}" in stage.outs


def test_git_ignores_the_outputs_of_the_stages_and_nothing_else_below_data() -> None:
    """DVC does not look into a folder that is ignored as a whole: it would neither keep nor share data beside them."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    outs = {Path(out).parts[:2] for stage in STAGES for out in stage.outs if out.startswith("data/")}
    assert [line for line in lines if "data" in line and line[0] != "#"] == sorted(f"/{'/'.join(out)}" for out in outs)
    half = [str(Path(out).with_name(f".{Path(out).name}.part")) for stage in STAGES for out in stage.outs]
    told = subprocess.run(["git", "check-ignore", *half], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.split() == half
    free = ["data", "data/birds", "data/birds.dvc", "data/birds/a.png", "data/far/shards.txt", "data/.gitignore"]
    assert subprocess.run(["git", "check-ignore", *free], cwd=ROOT).returncode == 1


@every_stage
def test_a_stage_depends_on_its_own_layer_and_earlier_ones(stage: Stage) -> None:
    """So that an edit of one layer reruns no earlier one."""
    own = LAYERS.index(stage.script.parts[1])
    later = [dep for dep in stage.code if LAYERS.index(Path(dep).parts[1]) > own]
    assert not later, f"dvc.yaml: stage '{stage.name}' depends on {later}, of a later layer"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parts[2] in ROOMS], ids=str)
def test_imports_in_the_evaluation_run_one_way(path: Path) -> None:
    rank = ROOMS.index(path.parts[2])
    rooms = {file: file.parts[2] for file in imported(path) if file.parts[1] == "evaluation" and len(file.parts) > 3}
    upward = [str(file) for file, room in rooms.items() if ROOMS.index(room) > rank]
    assert not upward, f"{path} imports {upward}, of a later room"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_run_one_way(path: Path) -> None:
    rank = LAYERS.index(path.parts[1])
    upward = [str(file) for file in imported(path) if LAYERS.index(file.parts[1]) > rank]
    assert not upward, f"{path} imports {upward}, of a later layer"


@pytest.mark.parametrize("name", PARAMS)
def test_two_readers_of_yaml_agree(name: str) -> None:
    """DVC reads YAML 1.2 by ruamel, the stages by PyYAML: types too must be equal, so compare what they print."""
    assert repr(read_yaml(ROOT / name)) == repr(YAML(typ="safe").load((ROOT / name).read_text(encoding="utf-8")))


def leaves(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(values, dict):
        for key, value in values.items():
            yield from leaves(value, (*path, key))
    else:
        yield path, values


def test_tiny_parameters_have_the_keys_of_params_yaml() -> None:
    full, tiny = (dict(leaves(read_yaml(ROOT / name))) for name in PARAMS)
    assert full.keys() == tiny.keys()
    named = [list(read_yaml(ROOT / name)["modalities"].items()) for name in PARAMS]
    assert named[0] == named[1], "in the same order"


@pytest.mark.parametrize("name", PARAMS)
def test_dvc_writes_parameters_as_they_stand(name: str, tmp_path: Path) -> None:
    """So that `dvc exp run -S` changes the lines that it names and no others."""
    copy = Path(shutil.copy(ROOT / name, tmp_path / "params.yaml"))
    with modify_yaml(copy):
        pass
    assert copy.read_bytes() == (ROOT / name).read_bytes()


def test_every_parameter_is_explained() -> None:
    lines = (ROOT / "params.yaml").read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if re.match(r"\s*\w+: *[^#\s]", line) and not re.search(r"  # \w", line)]
    assert not bare, f"params.yaml: no comment with unit and range in {bare}"


def test_every_section_belongs_to_a_stage() -> None:
    listed = {param for stage in STAGES for param in stage.params}
    listed |= {f"extract.{kind}" for kind in KINDS}  # read where a modality is of the kind
    unread = {".".join(path) for path, _ in leaves(read_yaml(ROOT / "params.yaml"))}
    unread = {path for path in unread if not any(path == name or path.startswith(f"{name}.") for name in listed)}
    assert not unread, f"params.yaml: no stage reads {sorted(unread)}"


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        ("    pictures: 80", "    pictures: 80\n    picture: 80", ("acquire.digits.picture", "known key")),
        ("    pictures: 80", "    pictures: many", ("acquire.digits.pictures", "valid integer", "'many'")),
        ("    utterances: 2", "    utterances: 0", ("acquire.digits.utterances", "greater than 0", "got 0")),
        ("    utterances: 2", "    utterances: 2\n    utterances: 3", ("params.yaml", "twice")),
        (
            "    leave_out: 0.4",
            "    leave_out: 1.5",
            ("acquire.digits.leave_out", "less than or equal to 1", "got 1.5"),
        ),
        ("  source: digits", "  source: [", ("params.yaml", "valid YAML")),
        ("run:", "ran:", ("params.yaml", "section 'run'", "add it")),
    ],
    ids=["unknown", "type", "range", "share", "twice", "syntax", "absent"],
)
def test_a_mistake_in_params_is_one_line_and_exit_code_2(
    good: str,
    bad: str,
    told: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (ROOT / "tests/tiny.yaml").read_text(encoding="utf-8")
    assert text.count(f"\n{good}\n") == 1
    (tmp_path / "params.yaml").write_text(text.replace(f"\n{good}\n", f"\n{bad}\n"), encoding="utf-8")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        acquire.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("acquire: ") and said.count("\n") == 1
    assert all(word in said for word in told), said
    assert not [path for path in tmp_path.glob("data/**/*") if path.is_file()]
