import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.formats import root_files
from hepsets.formats.belle2_ntuple import best_candidates, read_ntuple
from hepsets.formats.column_names import COLUMNS, Column
from hepsets.select.variables.continuum import VARIABLES

uproot = pytest.importorskip("uproot")

KSFW = ("et", "mm2", "hso", "hoo")
N = 50


def basf2(name, arguments=""):
    """The name in basf2; ``arguments`` are those after the first of KSFW moments and cones."""
    more = f",{arguments}" if arguments else ""
    if name.startswith(KSFW):
        return f"KSFWVariables({name}{more})"
    if name.startswith("cleoCone"):
        return f"CleoConeCS({name[-1]}{more})"
    return name


def escaped(name):
    for sign, escape in (("(", "__bo"), (")", "__bc"), (",", "__cm"), (" ", "__sp")):
        name = name.replace(sign, escape)
    return name


SPELLINGS = {
    "as basf2 names them": basf2,
    "escaped": lambda name: escaped(basf2(name)),
    "escaped in another case": lambda name: escaped(basf2(name)).replace("KSFWV", "KSFwV"),
    "upper case": lambda name: escaped(basf2(name)).upper(),
    "older name of the cones": lambda name: escaped(basf2(name).replace("CleoConeCS", "CleoCone")),
    "of final-state particles": lambda name: escaped(basf2(name, "FS1" if name.startswith(KSFW) else "")),
    "cones of the rest": lambda name: escaped(basf2(name, "ROE" if name.startswith("cleo") else "")),
    "with a mask": lambda name: (
        escaped(basf2(name, " cleanMask")) if "(" in basf2(name) else f"{name}__bocleanMask__bc"
    ),
    "with a prefix": lambda name: "B0_" + escaped(basf2(name)),
    "underscores for brackets": lambda name: "Bsig_" + basf2(name).replace("(", "_").replace(")", ""),
}


def values(seed=0, n=N):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=n) for name in VARIABLES}


def write(path, branches, tree="B0"):
    with uproot.recreate(path) as file:
        file.mktree(tree, {name: column.dtype for name, column in branches.items()})
        file[tree].extend(branches)
    return path


def spelled(variables, spelling=basf2):
    return {spelling(name): column for name, column in variables.items()}


@pytest.mark.parametrize("how", SPELLINGS)
def test_every_spelling_gives_the_thirty_variables_in_order(tmp_path, how):
    expected, spelling = values(), SPELLINGS[how]
    ntuple = read_ntuple(write(tmp_path / "a.root", spelled(expected, spelling)))
    assert tuple(ntuple.variables) == VARIABLES
    for name in VARIABLES:
        assert ntuple.variables[name].tolist() == expected[name].tolist()
        assert ntuple.branches[name] == spelling(name)
    assert (len(ntuple), ntuple.dropped, ntuple.not_finite) == (N, 0, {})


def test_single_precision_and_further_branches_do_no_harm(tmp_path):
    expected = {name: column.astype(np.float32) for name, column in values().items()}
    other = {
        name: np.full(N, -9.0)
        for name in ("foxWolframR2", "thrust", "cleoConeThrust1", "KSFWVariables__bohso01__bc", "roeR2_x")
    }
    ntuple = read_ntuple(write(tmp_path / "a.root", {**other, **spelled(expected)}))
    for name in VARIABLES:
        assert ntuple.variables[name].dtype == np.float64
        assert ntuple.variables[name] == pytest.approx(expected[name])


def test_further_columns_come_along_under_our_names(tmp_path):
    further = {
        "Mbc": np.linspace(5.2, 5.29, N),
        "deltaE": np.linspace(-0.1, 0.1, N),
        "isSignal": np.where(np.arange(N) % 5, np.arange(N) % 2, np.nan).astype(float),
        "isContinuumEvent": (np.arange(N) % 3 == 0).astype(float),
        "__experiment__": np.full(N, 1003, np.int32),
        "__run__": np.zeros(N, np.int32),
        "__event__": np.arange(N, dtype=np.uint32) // 2,
        "__candidate__": np.arange(N, dtype=np.int32) % 2,
        "extraInfo__boSignalProbability__bc": np.linspace(0, 1, N),
    }
    ntuple = read_ntuple(write(tmp_path / "a.root", {**spelled(values()), **further}))
    assert set(ntuple.columns) == {
        *("mbc", "delta_e", "is_signal", "is_continuum", "signal_probability"),
        *("experiment", "run", "event", "candidate", "file"),
    }
    assert ntuple.columns["mbc"].tolist() == further["Mbc"].tolist()
    assert ntuple.columns["event"].tolist() == further["__event__"].tolist()
    assert ntuple.columns["is_signal"].dtype == bool
    assert not ntuple.columns["is_signal"][::5].any()  # NaN: matches nothing
    correct = (np.arange(N) % 5 > 0) & (np.arange(N) % 2 == 1)
    assert ntuple.label.tolist() == np.where(np.arange(N) % 3 == 0, 0, np.where(correct, 1, -1)).tolist()


def test_a_new_column_is_one_line_of_the_table_of_columns(tmp_path, monkeypatch):
    monkeypatch.setitem(COLUMNS, "tracks", Column(("ntracks",), "whole"))
    path = write(tmp_path / "a.root", {**spelled(values()), "nTracks": np.arange(N, dtype=float)})
    column = read_ntuple(path).columns["tracks"]
    assert column.dtype == np.int64
    assert column.tolist() == list(range(N))


@pytest.mark.parametrize(
    ("branch", "label"),
    [("isContinuumEvent", 0), ("isNotContinuumEvent", 1), ("isSignal", 1), ("ISSIGNAL", 1)],
)
def test_one_kind_of_truth_is_enough(tmp_path, branch, label):
    truth = (np.arange(N) % 2).astype(float)
    ntuple = read_ntuple(write(tmp_path / "a.root", {**spelled(values()), branch: truth}))
    assert ntuple.label.tolist() == (truth if label else 1 - truth).tolist()


def test_real_data_have_no_label(tmp_path):
    ntuple = read_ntuple(write(tmp_path / "a.root", spelled(values())))
    with pytest.raises(InputError, match="without truth"):
        ntuple.label  # noqa: B018


def test_our_definitions_come_before_others_and_masks_must_be_unique(tmp_path):
    wanted, other = values(1), values(2)
    branches = {
        **spelled({name: other[name] for name in VARIABLES if name.startswith(KSFW)}),  # direct daughters
        **spelled(wanted, lambda name: basf2(name, "FS1" if name.startswith(KSFW) else "")),
        **{basf2(f"cleoCone{i}", "ROE"): other[f"cleoCone{i}"] for i in range(1, 10)},
    }
    ntuple = read_ntuple(write(tmp_path / "a.root", branches))
    for name in VARIABLES:
        assert ntuple.variables[name].tolist() == wanted[name].tolist()
    two = {
        **spelled(wanted, lambda name: basf2(name, "tight")),
        **spelled(other, lambda n: basf2(n, "loose")),
    }
    with pytest.raises(InputError, match=r"KSFWVariables\(et,loose\) and KSFWVariables\(et,tight\)"):
        read_ntuple(write(tmp_path / "b.root", two))
    with pytest.raises(InputError, match="both R2 and r2"):
        read_ntuple(write(tmp_path / "c.root", {**spelled(wanted), "r2": other["R2"]}))
    prefixed = {f"{p}_{escaped(basf2(n))}": other[n] for p in ("Bsig", "Btag") for n in VARIABLES}
    with pytest.raises(InputError, match="several candidates: bsig_, btag_"):
        read_ntuple(write(tmp_path / "d.root", prefixed))
    ntuple = read_ntuple(write(tmp_path / "e.root", {**prefixed, **spelled(wanted)}))
    assert ntuple.variables["hoo2"].tolist() == wanted["hoo2"].tolist()


def test_missing_branches_are_all_named_with_similar_ones(tmp_path):
    branches = spelled(values(), SPELLINGS["escaped"])
    for name in ("hso14", "cleoCone3", "thrustOm"):
        del branches[escaped(basf2(name))]
    branches["thrust_Om"] = branches["R2"]
    with pytest.raises(InputError) as raised:
        read_ntuple(write(tmp_path / "a.root", branches))
    message = str(raised.value)
    for part in ("tree 'B0'", "thrustOm (similar: thrust_Om)", "KSFWVariables(hso14)", "CleoConeCS(3)"):
        assert part in message
    assert "hso12)," not in message


def test_candidates_with_nan_are_dropped_and_counted(tmp_path):
    expected = values()
    expected["R2"][3] = np.nan
    expected["hoo4"][[3, 7]] = np.inf
    mbc = np.full(N, 5.28)
    mbc[9] = np.nan
    ntuple = read_ntuple(write(tmp_path / "a.root", {**spelled(expected), "Mbc": mbc, "isSignal": mbc}))
    assert (len(ntuple), ntuple.dropped) == (N - 3, 3)
    assert ntuple.not_finite == {"R2": 1, "hoo4": 2, "mbc": 1}
    keep = np.delete(np.arange(N), [3, 7, 9])
    for name in VARIABLES:
        assert ntuple.variables[name].tolist() == expected[name][keep].tolist()
    assert len(ntuple.columns["is_signal"]) == N - 3


def test_a_tree_without_one_finite_candidate_is_refused(tmp_path):
    branches = {**values(), "thrustBm": np.full(N, np.nan)}
    with pytest.raises(InputError, match=r"none of 50 candidates.*thrustBm"):
        read_ntuple(write(tmp_path / "a.root", spelled(branches)))


def test_trees_are_read_in_pieces(tmp_path, monkeypatch):
    expected = {"first": values(1, 4000), "second": values(2, 300)}
    paths = []
    for name, columns in expected.items():
        path = tmp_path / f"{name}.root"
        with uproot.recreate(path) as file:
            file.mktree("B0", {basf2(n): np.float64 for n in VARIABLES})
            for begin in range(0, len(columns["R2"]), 100):
                file["B0"].extend({basf2(n): c[begin : begin + 100] for n, c in columns.items()})
        paths.append(path)
    monkeypatch.setattr(root_files, "STEP", "50 kB")
    ntuple = read_ntuple(paths)
    assert ntuple.columns["file"].tolist() == [0] * 4000 + [1] * 300
    for name in VARIABLES:
        both = np.concatenate([columns[name] for columns in expected.values()])
        assert ntuple.variables[name].tolist() == both.tolist()


def test_the_newer_kind_of_tree_is_read_as_well(tmp_path):
    expected = values()
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mkrntuple("B0", spelled(expected, SPELLINGS["escaped"]))
    ntuple = read_ntuple(tmp_path / "a.root")
    assert ntuple.variables["hoo3"].tolist() == expected["hoo3"].tolist()


def test_files_with_other_definitions_are_not_mixed(tmp_path):
    one = write(tmp_path / "a.root", spelled(values()))
    two = write(tmp_path / "b.root", spelled(values(), SPELLINGS["of final-state particles"]))
    three = write(tmp_path / "c.root", {**spelled(values()), "Mbc": np.ones(N)})
    for other in (two, three):
        with pytest.raises(InputError, match="the same definitions in every file"):
            read_ntuple([one, other])
    again = write(tmp_path / "d.root", spelled(values(3), SPELLINGS["escaped"]), tree="other")
    assert len(read_ntuple([one, again])) == 2 * N


def test_the_tree_with_the_variables_is_found_and_several_are_named(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file["persistent"] = {"x": np.arange(3)}
        file["B0"] = spelled(values(1))
        file["Bplus"] = spelled(values(2))
    with pytest.raises(InputError, match="in several trees: B0, Bplus"):
        read_ntuple(tmp_path / "a.root")
    ntuple = read_ntuple(tmp_path / "a.root", "Bplus")
    assert ntuple.variables["R2"].tolist() == values(2)["R2"].tolist()
    with pytest.raises(InputError, match=r"no tree 'Bs'; expected one of persistent, B0, Bplus"):
        read_ntuple(tmp_path / "a.root", "Bs")
    with pytest.raises(InputError, match="tree 'persistent' lacks R2"):
        read_ntuple(tmp_path / "a.root", "persistent")
    with uproot.recreate(tmp_path / "b.root") as file:
        file["persistent"] = {"x": np.arange(3)}
        file["B0"] = spelled(values(1))
    assert len(read_ntuple(tmp_path / "b.root")) == N
    with uproot.recreate(tmp_path / "c.root") as file:
        file["one"] = {"x": np.arange(3)}
        file["two"] = {"x": np.arange(3)}
    with pytest.raises(InputError, match="none of the trees one, two holds all thirty"):
        read_ntuple(tmp_path / "c.root")


def test_what_is_no_ntuple_is_refused(tmp_path):
    text = tmp_path / "text.root"
    text.write_text("import numpy")
    good = write(tmp_path / "good.root", spelled(values())).read_bytes()
    cut = tmp_path / "cut.root"
    cut.write_bytes(good[: len(good) // 2])
    (tmp_path / "nothing.root").write_bytes(b"")
    for name in ("text", "cut", "nothing"):
        with pytest.raises(InputError, match=rf"{name}\.root cannot be read as a ROOT file"):
            read_ntuple(tmp_path / f"{name}.root")
    with pytest.raises(InputError, match="no such file"):
        read_ntuple(tmp_path / "absent.root")
    with pytest.raises(InputError, match="no files"):
        read_ntuple([])
    with uproot.recreate(tmp_path / "bare.root") as file:
        file["text"] = "no tree"
    with pytest.raises(InputError, match="holds no tree"):
        read_ntuple(tmp_path / "bare.root")
    with pytest.raises(InputError, match="tree 'B0' is empty"):
        read_ntuple(write(tmp_path / "empty.root", spelled(values(n=0))))


def test_rows_that_are_events_with_lists_of_candidates_are_refused(tmp_path):
    ak = pytest.importorskip("awkward")
    lists = ak.Array([[1.0, 2.0], [], [3.0]])
    with uproot.recreate(tmp_path / "a.root") as file:
        file["B0"] = dict.fromkeys(map(basf2, VARIABLES), lists)
    with pytest.raises(InputError, match="does not hold numbers one by one"):
        read_ntuple(tmp_path / "a.root")


def test_one_candidate_per_event_stays_the_best_and_files_do_not_mix(tmp_path):
    def branches(probability):
        return {
            **spelled(values(n=6)),
            "__experiment__": np.zeros(6, np.int32),
            "__run__": np.zeros(6, np.int32),
            "__event__": np.array([4, 4, 9, 4, 9, 7], np.int32),
            "extraInfo(SignalProbability)": np.array(probability),
        }

    one = write(tmp_path / "a.root", branches([0.1, 0.7, 0.2, 0.7, 0.3, np.nan]))
    two = write(tmp_path / "b.root", branches([0.9, 0.1, 0.2, 0.3, 0.1, 0.5]))
    ntuple = read_ntuple([one, two])
    best = best_candidates(ntuple)
    position = {value: i for i, value in enumerate(ntuple.variables["R2"][:6].tolist())}
    assert [position[value] for value in best.variables["R2"].tolist()] == [1, 4, 5, 0, 2, 5]
    assert best.columns["file"].tolist() == [0, 0, 0, 1, 1, 1]
    with pytest.raises(InputError, match="no column 'rank'"):
        best_candidates(ntuple, by="rank")


def test_minus_one_is_what_basf2_writes_for_nothing_and_no_data(tmp_path):
    variables = {name: np.abs(column) for name, column in values().items()}
    variables["R2"][3] = variables["thrustOm"][3] = variables["cleoCone2"][7] = -1
    variables["mm2"][9] = variables["hso00"][9] = -1  # these may be negative
    variables["R2"][11] = -0.5  # nothing that basf2 writes for missing ones
    variables["R2"][12] = np.nan
    ntuple = read_ntuple(write(tmp_path / "a.root", spelled(variables)))
    assert (len(ntuple), ntuple.dropped) == (N - 3, 3)
    assert ntuple.missing == {"R2": 1, "thrustOm": 1, "cleoCone2": 1}
    assert ntuple.not_finite == {"R2": 1}
    assert not (ntuple.variables["R2"] == -1).any()
    assert (ntuple.variables["mm2"] == -1).sum() == 1
    variables["R2"][:] = -1
    with pytest.raises(InputError, match=r"none of 50 candidates has values .*\(NaN, infinite or -1: R2"):
        read_ntuple(write(tmp_path / "b.root", spelled(variables)))


def test_sampling_weights_come_along_and_must_be_weights(tmp_path):
    weight = np.where(np.arange(N) % 4, 1.0, 20.0)
    ntuple = read_ntuple(write(tmp_path / "a.root", {"__weight__": weight, **spelled(values())}))
    assert ntuple.columns["weight"].tolist() == weight.tolist()
    for bad in (np.nan, np.inf):
        weight[5] = bad
        with pytest.raises(InputError, match="branch __weight__ holds weights that are not finite"):
            read_ntuple(write(tmp_path / "a.root", {"__weight__": weight, **spelled(values())}))
    with pytest.raises(InputError, match="weights that add to -50; expected a positive sum"):
        read_ntuple(write(tmp_path / "a.root", {"__weight__": np.full(N, -1.0), **spelled(values())}))


def test_weights_of_either_sign_come_from_any_branch(tmp_path):
    weight = np.where(np.arange(N) % 4, 1.0, -0.7)
    path = write(tmp_path / "a.root", {"nsig_sw": weight, "__weight__": np.ones(N), **spelled(values())})
    assert read_ntuple(path, weight="nsig_sw").columns["weight"].tolist() == weight.tolist()
    assert read_ntuple(path).columns["weight"].tolist() == [1.0] * N
    with pytest.raises(InputError, match="without a branch sw; expected the branch of the weights"):
        read_ntuple(path, weight="sw")


def test_a_tree_is_named_behind_its_file_as_everywhere_in_root(tmp_path):
    both = [values(seed) for seed in (1, 2)]
    with uproot.recreate(tmp_path / "two.root") as file:
        for name, variables in zip("ab", both, strict=True):
            file.mktree(f"folder/{name}", dict.fromkeys(spelled(variables), "f8"))
            file[f"folder/{name}"].extend(spelled(variables))
    with pytest.raises(InputError, match=r"name it as .*two.root:folder/a, or with --set data.tree=folder/a"):
        read_ntuple(tmp_path / "two.root")
    named = [read_ntuple(f"{tmp_path}/two.root:folder/{name}") for name in "ab"]
    assert [n.variables["R2"].tolist() for n in named] == [v["R2"].tolist() for v in both]
    together = read_ntuple([f"{tmp_path}/two.root:folder/b", tmp_path / "two.root"], "folder/a")
    assert together.variables["R2"].tolist() == [*both[1]["R2"], *both[0]["R2"]]
    odd = write(tmp_path / "odd.root:b", spelled(both[0]))  # a file of that name is that file
    assert read_ntuple(odd).variables["R2"].tolist() == both[0]["R2"].tolist()


@pytest.mark.parametrize("number", [1.5, np.nan, np.inf, -(2.0**63), np.uint64(2**63)])
def test_numbers_of_events_do_not_wrap(tmp_path, number):
    event = np.full(N, number)
    with pytest.raises(InputError, match="branch __event__ holds"):
        read_ntuple(write(tmp_path / "a.root", {"__event__": event, **spelled(values())}))
