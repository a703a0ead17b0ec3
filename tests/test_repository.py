"""What a clone of the repository holds: little, and all that its documents link to."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
LIMIT = 25_000_000
"""Bytes of the tracked files."""
DOCUMENTS = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
"""The target of a link or picture of Markdown."""


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """Return the files that git tracks."""
    if not (REPO / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout, or no git: nothing tells which files are tracked")
    git = ["git", "-C", str(REPO), "ls-files", "-z"]
    names = subprocess.run(git, capture_output=True, check=True, text=True).stdout
    return [REPO / name for name in names.split("\0") if name]


def test_a_clone_is_small(tracked):
    sizes = {path: path.stat().st_size for path in tracked if path.is_file()}
    largest = sorted(sizes, key=sizes.__getitem__)[-5:]
    assert sum(sizes.values()) < LIMIT, f"The largest: {', '.join(map(str, largest))}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_local_links_lead_to_tracked_files(tracked, document):
    there = {parent for path in tracked for parent in (path, *path.parents)}
    targets = LINK.findall(document.read_text())
    local = [target for target in targets if ":" not in target.partition("/")[0]]
    places = {target: target.partition("#")[0] for target in local}
    missing = [
        target
        for target, place in places.items()
        if place and (document.parent / place).resolve() not in there
    ]
    assert missing == []


def test_the_readme_counts_the_claims_as_their_page_does():
    page = (REPO / "docs" / "claims.md").read_text()
    found = re.search(r"\*\*(\d+ reproduced, [^(*]*\d) [^(*]*not testable", page)
    counts = found and re.findall(r"\d+", found[0])
    readme = re.search(
        r"\*\*(\d+ reproduced, [^*]*)\*\*", (REPO / "README.md").read_text()
    )
    assert counts and readme
    assert re.findall(r"\d+", readme[1]) == counts
