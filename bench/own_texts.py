"""A small sample that the project makes itself, by which suggestions are measured in a clone that stands alone. All of it is invented."""

from __future__ import annotations

from itertools import combinations, product

from bench.suggestions import Figures, of_indicators, of_names, of_records, of_templates

FRAMES = {
    "clearing": (
        "To the board of {who}. For weeks we have read your mail and copied the files of your patients. You "
        "will find a list of them below. "
        "We ask for {sum} and nothing else. Write to {mail} before {day}, and nobody will ever hear of this. "
        "If you call the police, or hire "
        "somebody to look for us, we send every file to your competitors and to the newspapers of your town. "
        "Do not rename the files, do not "
        "start the machines again, and do not believe who says that they can help you without us."
    ),
    "desk": (
        "Hello {who}, your network was tested by our team and it did not pass. All servers are locked and "
        "their copies are with us. It is only "
        "business: when the payment of {sum} has come in, you get the tool and a report on how we came in. "
        "Two small files are opened for free "
        "so that you see that it works. Our desk answers under {mail} until {day}; after that the price is twice as high, and a week later "
        "everything is published on our page, first the contracts, then the salaries, then the rest."
    ),
    "friend": (
        "I am not your enemy, {who}. I found what your people left open and took it before a worse man did. "
        "Give me {sum} for my trouble and "
        "I forget what I saw. My address is {mail}. I look at it every evening until {day}. Then I sell what "
        "I have to whoever pays most for it, "
        "and you can explain to your customers why their names, their debts and their illnesses are known to strangers."
    ),
}
FILLS = (
    {"who": "Harrow Clinic", "sum": "4 bitcoin", "mail": "clearing@harrow-desk.example", "day": "Friday"},
    {"who": "the Stone Savings Bank", "sum": "90,000 dollars in coins", "mail": "desk@quiet-road.example", "day": "the first of May"},
    {"who": "Mr. Avery", "sum": "two hundred thousand", "mail": "clearing@harrow-desk.example", "day": "Monday noon"},
)
WARNING = "Do not rename the files, do not start the machines again, and do not believe who says that they can help you without us."
OTHERS = {
    "warned": f"Your invoice was changed by somebody. {WARNING} Pay the old account only, and tell the "
    "accounts office of the two calls that came "
    "on Tuesday from a man who said he was from the bank and wanted to know when the manager is out.",
    "said anew": "Board of Harrow Clinic: we have been in your mail for weeks and hold copies of what you "
    "keep on patients. Four bitcoin is the price. "
    "Do write before Friday, then no one learns of it. Call the police and each file goes to the newspapers and your competitors.",
    "tip": "My neighbour told me that the shop on the corner sells lists of customers. He showed me one with "
    "names and cards. I do not know who makes "
    "them, but a van comes every Thursday in the morning and two men carry boxes into the cellar.",
}
PEOPLE = [
    dict(zip(("first_name", "last_name", "birth_date", "zip"), one, strict=True))
    for one in (
        ("Dana", "Mercer", "1971-04-02", "10027"),
        ("Ruth", "Okafor", "1985-11-30", "60614"),
        ("José", "Peña", "1969-01-17", "73301"),
        ("Ann-Marie", "Stone", "1990-08-09", "98101"),
        ("Lee", "Acosta", "1958-06-21", "02139"),
    )
]


def own_sample() -> dict[str, Figures]:
    """The figures of every kind on the own sample; what is of one template is known, since it was made so."""
    texts = {f"{frame} {number}": FRAMES[frame].format(**fill) for frame, (number, fill) in product(FRAMES, enumerate(FILLS))} | OTHERS
    made_of = {name: name.split(" ")[0] for name in texts} | {"said anew": "clearing"}
    labels = [(first, second, made_of[first] == made_of[second], 1.0) for first, second in combinations(texts, 2)]
    return {
        "same_template": of_templates(texts, labels)[0],
        "shares_indicator": of_indicators(texts),
        "contains_records": of_records(_rows()),
        "names_subject": of_names(list(texts.values()), _rows()),
    }


def _rows() -> dict[str, dict[str, str]]:
    """Each person twice: the second row has a mistake of another kind in each."""
    mistakes = ({"last_name": "Mercier"}, {"birth_date": "1985-30-11"}, {"zip": ""}, {"first_name": "Ann"}, {"birth_date": "", "zip": ""})
    rows = {f"rec-{number}-org": {**person} for number, person in enumerate(PEOPLE)}
    return rows | {f"rec-{number}-dup-0": {**person, **mistakes[number]} for number, person in enumerate(PEOPLE)}
