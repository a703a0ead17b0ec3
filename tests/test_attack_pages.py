"""Pages of large sweeps: made in seconds, once, with figures that can be read."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from drawing import made, small, swept
from matplotlib.figure import Figure as Drawing

import lth_jax as lth
from lth_jax import Config, ModelConfig, PruneConfig, TrainConfig, running
from lth_jax import config as configs
from lth_jax.files import write_table
from lth_jax.papers.lottery.figures import draw_sweep
from lth_jax.plotting.scales import steps_axis
from lth_jax.plotting.style import legend, panels
from lth_jax.report import page, sweep
from lth_jax.report.sweep import write_reports
from lth_jax.schema import CURVES, SUMMARY
from lth_jax.store import write as store


def stored(out: Path, number: int, levels: int = 1) -> Path:
    """Return a sweep over learning rates as published ones are: tables alone."""
    variants = {
        f"rate_{i:03d}": Config(
            model=ModelConfig(),
            train=TrainConfig(
                steps=40, eval_every=10, optimizer="adam", learning_rate=1e-5 * (i + 1)
            ),
            prune=PruneConfig(levels=levels, rate=0.2),
            replicates=1,
            out=str(out),
        )
        for i in range(number)
    }
    path = configs.run_dir(variants, "rates")
    store.open_sweep(path, variants, "rates")
    for i, (name, config) in enumerate(variants.items()):
        about = {"experiment": "rates", "fingerprint": configs.fingerprint(config)}
        store.open_run(path / name, config, about | {"events": [], "plan": {}})
        _write_levels(path / name, config, i)
    return path


def _write_levels(run: Path, config: Config, number: int) -> None:
    summary = made(config, number % 15).summary
    stops = [(number + i) % 5 * 10 for i in range(len(summary))]
    summary = summary.assign(early_stop_step=stops, min_val_loss=1.0)
    summary = summary.assign(val_accuracy_final=summary["val_accuracy_es"])
    for level in range(config.levels + 1):
        folder = run / f"level_{level:02d}"
        folder.mkdir()
        rows = summary[summary["level"] == level].to_dict("records")
        write_table(folder / "summary.parquet", rows, SUMMARY)
        who = [{k: v for k, v in row.items() if k in CURVES} for row in rows]
        curves = [
            one | {"step": step, "split": split, "loss": 1.0, "accuracy": 0.5}
            for one in who
            for step in range(0, 41, 10)
            for split in ("validation", "test")
        ]
        write_table(folder / "curves.parquet", curves, CURVES)


@pytest.fixture
def drawn(monkeypatch) -> list[str]:
    """Return the names of figures, as they are drawn: none is, really."""
    names: list[str] = []

    def write_figure(path, name, exhibit, runs):
        names.append(f"{path.name}/{name}")
        for form in ("svg", "png"):
            page.write_file(path / "figures" / f"{name}.{form}", b"<svg></svg>")
        return page.Figure(name, exhibit.caption, page.Markup("<svg></svg>"))

    monkeypatch.setattr(page, "_write_figure", write_figure)
    return names


# Text of strangers.

RAW = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
BAD = "\x1b]0;PWN\x07\x9b31m\r\x7f\u202e\u2066<b>\ud800"


@pytest.mark.parametrize("variant", ["", "rate_000"])
def test_what_acts_unseen_is_escaped_in_pages(tmp_path, variant, drawn):
    path = stored(tmp_path, 2)
    path = path.rename(tmp_path / "\x1b[2J\u202ex") / variant
    notes = {"experiment": BAD, "versions": {BAD: BAD}, "devices": {"kind": BAD}}
    notes |= {"git": BAD, "events": [{"time": BAD, "event": BAD, BAD: BAD}]}
    notes |= {"data": {"name": BAD, "version": BAD, "note": BAD}, "plan": {BAD: BAD}}
    manifest = json.loads((path / "manifest.json").read_text()) | notes
    (path / "manifest.json").write_text(json.dumps(manifest).replace(r"\ud800", ""))
    write_reports(path)
    text = (path / "report.html").read_bytes().decode()
    assert not RAW.search(text)
    said = r"\u001b]0;PWN\u0007\u009b31m\u000d" if variant else r"\u001b[2J\u202ex"
    assert said in text


# Once.


def test_pages_of_the_same_tables_are_not_made_again(tmp_path, drawn):
    path = stored(tmp_path, 2)
    pages = write_reports(path)
    assert drawn
    drawn.clear()
    assert write_reports(path, anew=False) == pages
    assert drawn == []
    write_reports(path)
    assert drawn


CHANGES = {
    "a table": lambda path: _write_again(path / "rate_000"),
    "a note": lambda path: _note(path / "rate_000"),
    "no page": lambda path: (path / "rate_000" / "report.html").unlink(),
    "a cut page": lambda path: (path / "rate_000" / "report.html").write_bytes(b"\xff"),
    "no figure": lambda path: next(
        (path / "rate_000" / "figures").glob("*.png")
    ).unlink(),
}


def _write_again(run: Path) -> None:
    config = store.read_config(run)
    for file in run.glob("level_*/*"):
        file.unlink()
    for folder in run.glob("level_*"):
        folder.rmdir()
    _write_levels(run, config, 7)


def _note(run: Path) -> None:
    manifest = store.read_manifest(run)
    store.note(run, manifest, "finished")


@pytest.mark.parametrize("case", CHANGES)
def test_what_changed_is_made_again_and_nothing_else(case, tmp_path, drawn):
    path = stored(tmp_path, 2)
    write_reports(path)
    CHANGES[case](path)
    drawn.clear()
    write_reports(path, anew=False)
    assert {name.partition("/")[0] for name in drawn} == {"rate_000", path.name}
    drawn.clear()
    write_reports(path, anew=False)
    assert drawn == []


def test_another_code_makes_them_again(tmp_path, drawn, monkeypatch):
    path = stored(tmp_path, 2)
    write_reports(path)
    drawn.clear()
    monkeypatch.setattr("lth_jax.report.stamp._code", lambda: "another")
    write_reports(path, anew=False)
    assert drawn


def test_a_page_that_is_a_folder_is_no_page_of_the_same(tmp_path, drawn):
    path = stored(tmp_path, 1)
    (path / "report.html").mkdir()
    with pytest.raises(lth.LthError, match=r"report\.html could not be written"):
        write_reports(path, anew=False)


def test_a_finished_run_is_not_drawn_again(tmp_path, drawn, monkeypatch):
    path = stored(tmp_path, 1) / "rate_000"
    monkeypatch.setattr(running.pipeline, "run", lambda *args, **kwargs: path)
    config = {"": store.read_config(path)}
    first = running.run_variants(config, "rates")
    assert drawn
    drawn.clear()
    assert running.run_variants(config, "rates") == first
    assert drawn == []


# Of many variants.


def test_variants_of_a_large_sweep_have_pages_when_they_are_asked_for(
    tmp_path, drawn, monkeypatch, logged
):
    monkeypatch.setattr(sweep, "MOST_PAGES", 2)
    path = stored(tmp_path, 3)
    assert write_reports(path) == [path / "report.html"]
    assert "lth report" in logged() and "3 variants" in logged()
    text = (path / "report.html").read_text()
    assert "3 of the variants have no page of their own" in text
    assert "rate_000/report.html" not in text and "<h2>rate_000</h2>" in text
    own = path / "rate_001"
    assert write_reports(own) == [own / "report.html"]
    assert write_reports(path, anew=False) == [
        own / "report.html",
        path / "report.html",
    ]
    text = (path / "report.html").read_text()
    assert 'href="rate_001/report.html"' in text
    assert "2 of the variants have no page of their own" in text
    drawn.clear()
    _write_again(own)  # a page that is there is never one of other tables
    write_reports(path, anew=False)
    assert {name.partition("/")[0] for name in drawn} == {"rate_001", path.name}


@pytest.mark.long
def test_the_page_of_a_hundred_variants_takes_seconds_once(tmp_path):
    path = stored(tmp_path, 100, levels=2)
    start = time.process_time()
    assert write_reports(path) == [path / "report.html"]
    assert time.process_time() - start <= 20
    start = time.process_time()
    write_reports(path, anew=False)
    assert time.process_time() - start <= 2


# Figures.


def is_inside(figure: Drawing) -> bool:
    """Tell whether all legends of a figure lie within it, when it is laid out."""
    figure.draw_without_rendering()
    beside = [legend for ax in figure.axes if (legend := ax.get_legend())]
    boxes = [each.get_window_extent() for each in (*beside, *figure.legends)]
    whole = figure.bbox
    return bool(boxes) and all(
        box.x0 >= 0 and box.y0 >= 0 and box.x1 <= whole.x1 and box.y1 <= whole.y1
        for box in boxes
    )


@pytest.mark.parametrize("number", [12, 30])
def test_the_legend_of_many_variants_fits(number):
    rates = [float(f"{i + 1}e-5") for i in range(number)]
    runs = swept(small(levels=1), train__learning_rate=rates)
    figure = draw_sweep("figure_26", runs)
    assert is_inside(figure)  # "constrained_layout not applied" is an error here
    beside = figure.axes[-1].get_legend()
    assert beside
    words = [text.get_text() for text in beside.get_texts()]
    title = beside.get_title().get_text()
    if number <= 12:
        assert len(words) == number and title == "learning rate"
    else:
        assert title == f"learning rate\n12 of {number} named"
        assert (words[0], words[11]) == ("0.00001", "0.0003")
        assert words[12:] == ["dense network"] or len(words) == 12


@pytest.mark.parametrize("number", [5, 60, 200])
def test_a_legend_below_fits(number):
    figure, axes = panels(["one", "two"])
    for i in range(number):
        axes[0].plot([0, 1], [0, i], label=f"variant_{i:03d} ticket")
    legend(figure, axes)
    assert is_inside(figure)
    (below,) = figure.legends
    named = len(below.get_texts())
    assert named <= min(number, 60)
    note = below.get_title().get_text()
    assert note == ("" if named == number else f"{named} of {number} named")


@pytest.mark.parametrize("most", [0, 1, 3, 4, 7, 40, 1_000, 50_000])
def test_ticks_of_steps_are_steps_each_once(most):
    figure, (ax,) = panels(["Early-stop step"])
    ax.plot([0, 1], [most / 2, most])
    steps_axis(ax, np.array([most / 2, most]))
    figure.draw_without_rendering()
    low, high = ax.get_ylim()
    shown = [
        text.get_text()
        for place, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
        if low <= place <= high
    ]
    assert len(shown) == len(set(shown))
    assert all(place == round(place) for place in ax.get_yticks())
    assert low < most / 2 <= most < high and shown
