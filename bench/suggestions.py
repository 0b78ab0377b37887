"""How often suggested links are right, on pairs of which the truth is known: the figures of `tipline.linking.measured`.

    python bench/suggestions.py [--data ../shared/data]     real letters and records; without them the project's own small sample
    python bench/suggestions.py --own                       the own sample

`bench/labels/templates.tsv` says of pairs of real letters whether they were written from one template, as one reader judged from what they
share.
The pairs were drawn by chance from bands of shared words, so that each stands for `stands_for` pairs of all. By those marked `chosen` the
bounds were chosen, by those marked `tried` they are measured. No word of a letter stands in it.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])

from tipline.letters.indicators import find_indicators
from tipline.linking.measured import Figures
from tipline.linking.names import find_names, names_of
from tipline.linking.phrases import spelt_words, words_of
from tipline.linking.rules import names_subject, shared_indicators
from tipline.linking.templates import compare, is_template
from tipline.linking.textrules import NameFound
from tipline.samples.rules import person_keys, score

LABELS = Path(__file__).parent / "labels" / "templates.tsv"
REAL = Path(__file__).parents[2] / "shared" / "data"
PUBLIC = {"gofile.io/d", "gdpr-info.eu"}  # of all that two real letters share: read one by one, these are not the writers' own
ADDRESS = re.compile(
    r"[a-z2-7]{56}\.onion|[a-z2-7]{16}\.onion|[\w.+-]+@[\w-]+\.[\w.]*\w|\b[0-9a-f]{76}\b"
)  # by another way than the product's
PEOPLE = 150  # whose names are put into letters


def read_letters(folder: Path) -> dict[str, str]:
    """The real letters by their path."""
    found = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        data = path.read_bytes()
        try:
            found[path.relative_to(folder).as_posix()] = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            found[path.relative_to(folder).as_posix()] = data.decode("cp1252", "replace")
    return found


def read_labels(use: str = "tried") -> Iterator[tuple[str, str, bool, float]]:
    """The labelled pairs: both paths, whether they are of one template, and how many pairs each stands for."""
    with LABELS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["use"] == use:
                yield row["first"], row["second"], row["template"] == "yes", float(row["stands_for"])


def of_templates(texts: Mapping[str, str], labels: Sequence[tuple[str, str, bool, float]]) -> tuple[Figures, float, float]:
    """Right, suggested and true pairs; and precision and recall where each pair counts for as many as it stands for."""
    words = {path: words_of(texts[path]) for path in {one for label in labels for one in label[:2]}}
    said = [(is_template(compare(words[first], words[second])), true, weight) for first, second, true, weight in labels]
    figures = Figures(
        right=sum(suggested and true for suggested, true, _ in said),
        suggested=sum(suggested for suggested, _, _ in said),
        wanted=sum(true for _, true, _ in said),
    )
    right, suggested, wanted = (
        sum(weight for found, true, weight in said if (found or not among[0]) and (true or not among[1]))
        for among in ((True, True), (True, False), (False, True))
    )
    return figures, right / suggested, right / wanted


def of_indicators(texts: Mapping[str, str]) -> Figures:
    """Pairs that share an indicator: right where it is the writers' own, true where another pattern finds an address in both."""
    held = {path: find_indicators(text) for path, text in texts.items()}
    holders: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    true: defaultdict[str, set[str]] = defaultdict(set)
    for path, text in texts.items():
        for one in held[path]:
            holders[one.kind, one.normal].add(path)
        for address in ADDRESS.findall(text.lower()):
            true[address].add(path)
    pairs = {pair for paths in holders.values() for pair in combinations(sorted(paths), 2)}
    suggested = right = 0
    for first, second in pairs:
        found = shared_indicators(held[first], held[second], lambda kind, normal: len(holders[kind, normal]), len(texts))
        if found is not None:
            suggested += 1
            right += any(one["normal"] not in PUBLIC for one in found.findings["indicators"])
    wanted = {pair for paths in true.values() for pair in combinations(sorted(paths), 2)}
    return Figures(right, suggested, right + len(wanted - pairs))


def read_people(path: Path) -> dict[str, dict[str, str]]:
    """People of a FEBRL set by their id; "rec-7-dup-0" is the one of "rec-7-org" with mistakes."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{name.strip(): value.strip() for name, value in row.items()} for row in csv.DictReader(file)]
    return {
        row["rec_id"]: {
            "first_name": row["given_name"],
            "last_name": row["surname"],
            "birth_date": row["date_of_birth"],
            "address": f"{row['street_number']} {row['address_1']}",
            "zip": row["postcode"],
            "member_id": row["soc_sec_id"],
        }
        for row in rows
    }


def of_records(people: Mapping[str, Mapping[str, str]]) -> Figures:
    """Pairs of rows that agree in a key which weighs something, against the truth: that both are of one person."""
    by_key: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row, values in people.items():
        for key in person_keys(values):
            by_key[key.kind, key.value].append(row)
    kinds: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for (kind, _), rows in by_key.items():
        for first, second in combinations(sorted(rows), 2):
            kinds[first, second].add(kind)
    suggested = [pair for pair, agree in kinds.items() if score(agree) > 0]
    person = {row: row.split("-")[1] for row in people}
    right = sum(person[first] == person[second] for first, second in suggested)
    count: defaultdict[str, int] = defaultdict(int)
    for one in person.values():
        count[one] += 1
    return Figures(right, len(suggested), sum(many * (many - 1) // 2 for many in count.values()))


WAYS = (
    lambda first, last: f"{first} {last}",
    lambda first, last: f"{first} {last}".upper(),
    lambda first, last: f"{last}, {first}",
    lambda first, last: f"{first}  {last}".title(),
    lambda first, last: f"{first[0]}. {last}",
)


def of_names(texts: Sequence[str], people: Mapping[str, Mapping[str, str]]) -> Figures:
    """Names of people put into texts in five ways, some by the row with mistakes, and looked for in all of them."""
    known = [(row, one) for row, one in sorted(people.items()) if row.endswith("-org") and one["first_name"] and one["last_name"]][:PEOPLE]
    subjects = {
        row: names_of({"name": f"{one['first_name']} {one['last_name']}".title(), "also": [], "identifiers": []}) for row, one in known
    }
    looked_for = {name.joined for names in subjects.values() for name in names}
    planted: list[tuple[dict[str, str], str]] = []
    for number, (row, one) in enumerate(known):
        said = people.get(row.replace("-org", "-dup-0"), one) if number % 3 == 0 else one
        name = WAYS[number % len(WAYS)](said["first_name"] or one["first_name"], said["last_name"] or one["last_name"])
        text = f"{texts[number % len(texts)]}\n\nThe one who told us was {name}, in March."
        planted.append((find_names(spelt_words(text), looked_for), row))
    others = [(find_names(spelt_words(text), looked_for), "") for text in texts]
    suggested = right = 0
    for row, names in subjects.items():
        for found, true in [*planted, *others]:
            hits = [NameFound(one.said, found[one.joined], one.form, 1, len(texts)) for one in names if one.joined in found]
            if names_subject((), (), lambda _kind, _normal: 0, len(texts), hits) is not None:
                suggested += 1
                right += true == row
    return Figures(right, suggested, len(known))


def measure(data: Path) -> dict[str, Figures]:
    """Every kind that has an error to measure, on the real inputs."""
    letters = read_letters(data / "letters")
    people = read_people(data / "records" / "febrl" / "dataset1.csv")
    return {
        "same_template": of_templates(letters, list(read_labels()))[0],
        "shares_indicator": of_indicators(letters),
        "contains_records": of_records(people),
        "names_subject": of_names(list(letters.values()), people),
    }


def main() -> None:
    """Measure, and print what `measured` has to say."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--data", type=Path, default=REAL)
    asked.add_argument("--own", action="store_true")
    options = asked.parse_args()
    if options.own or not options.data.is_dir():
        from bench.own_texts import own_sample

        print("The project's own sample:")
        figures = own_sample()
    else:
        letters = read_letters(options.data / "letters")
        for use in ("chosen", "tried"):
            plain, precision, recall = of_templates(letters, list(read_labels(use)))
            print(f"templates, {use}: {plain}; of all pairs by what each stands for: precision {precision:.2f}, recall {recall:.2f}")
        figures = measure(options.data)
    for kind, one in figures.items():
        print(f'    "{kind}": {one},')


if __name__ == "__main__":
    main()
