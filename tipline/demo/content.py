"""The fictional case: a pharmacy-benefit company, a letter with the records of 75 members, clients, and tips of every state.

Every name, number and address here is made up. Wallets are valid in form and belong to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

ORGANISATION = "Northfield Scripts"
CODE = "NS"
SLUG = "northfield-scripts"
TITLE = "Who stole our members’ prescription records?"
REWARD = "$1,000,000"
INCIDENT = (
    "On 3 September 2026 Northfield Scripts received a letter asking for payment. With it came the records of 75 of our members: "
    "names, dates of birth and prescriptions. We have not paid."
)
HELPS_MOST = (
    "Who wrote or sent the letter, or where it was written\n"
    "Where the records are kept, sold or shown\n"
    "How someone got into our systems, or who let them in\n"
    "An account, a wallet or a phone that they use"
)
REWARD_TERMS = (
    "We pay up to $1,000,000 for information that leads to the arrest and conviction of the people who took the records or who are "
    "demanding money for them. Two people must agree before anything is paid. If several tips led to the result, the reward is shared. "
    "People who work for Northfield Scripts on this case, and their families, can’t claim."
)
THEFT = "the theft of prescription records found in September 2026"
CONTACT = (
    "This site, and the receipt that it gives you\nTelephone +1 614 555 0142, working days 9 to 17, for questions about a letter from us"
)
PAYOUT_PLACE = (
    "Calder Trust, 200 Example Street, Columbus, Ohio, pays out. Bring the code that we gave you. Papers on identity and tax stay "
    "with Calder Trust and never reach us."
)
CALL_SCRIPT = (
    "You have reached the tip line of Northfield Scripts. I do not ask who you are, and you need not say it. The call is not recorded. "
    "At the end I read seven words to you: write them down. With them you can come back, and nobody can look them up for you."
)
SPANISH = {
    "title": "¿Quién robó los registros de recetas de nuestros afiliados?",
    "incident": (
        "El 3 de septiembre de 2026 Northfield Scripts recibió una carta que exigía un pago. Con ella llegaron los registros de 75 de "
        "nuestros afiliados: nombres, fechas de nacimiento y recetas. No hemos pagado."
    ),
    "helps_most": (
        "Quién escribió o envió la carta, o dónde se escribió\n"
        "Dónde se guardan, se venden o se muestran los registros\n"
        "Cómo entró alguien en nuestros sistemas, o quién lo dejó entrar\n"
        "Una cuenta, una billetera o un teléfono que usan"
    ),
    "reward_terms": (
        "Pagamos hasta $1,000,000 por información que lleve al arresto y a la condena de las personas que se llevaron los registros o que "
        "exigen dinero por ellos. Dos personas deben estar de acuerdo antes de que se pague algo. Si varias pistas llevaron al resultado, "
        "la recompensa se reparte. Quienes trabajan para Northfield Scripts en este caso, y sus familias, no pueden reclamarla."
    ),
    "contact": (
        "Este sitio, y el recibo que le da\nTeléfono +1 614 555 0142, días hábiles de 9 a 17, para preguntas sobre una carta nuestra"
    ),
    "payout_place": (
        "Paga Calder Trust, 200 Example Street, Columbus, Ohio. Lleve el código que le dimos. Los documentos de identidad y de impuestos "
        "se quedan en Calder Trust y nunca nos llegan."
    ),
}
CASE_TITLE = "Extortion letter with 75 members’ records"
CLIENTS = ("Lakeview Health Plan", "Dayton Teachers’ Trust", "Brightwater Mutual")
WALLET = "bc1qnlvcj0cr6hmtak436f7p33h6udgq623k0wast5"
DESK = "clearing@harrow-desk.example"

LETTER = f"""To the board of Northfield Scripts.

We hold the pharmacy files of your members and we enclose seventy-five so that you see it is not talk. There are millions more.

Do not waste our time with negotiators. The price is fixed. You have until the fourteenth and after that each member hears it from us
and not from you.

Send to {WALLET} and write to {DESK} when done.
"""

CLIENT_LETTER = f"""To the management of {CLIENTS[0]}.

Your pharmacy manager has our letter and keeps quiet. We hold the pharmacy files of your members too.

Do not waste our time with negotiators. You have until the thirtieth and after that each member hears it from us and not from you.

Write to {DESK} if you want your own people left out.
"""


@dataclass(frozen=True)
class Colleague:
    login: str
    name: str
    role: str


ADMINISTRATOR = Colleague("a.ferris", "A. Ferris", "administrator")
COLLEAGUES = (
    Colleague("m.okafor", "M. Okafor", "investigator"),
    Colleague("t.brandt", "T. Brandt", "investigator"),
    Colleague("r.lindqvist", "R. Lindqvist", "counsel"),
    Colleague("s.whitfield", "S. Whitfield", "program_manager"),
    Colleague("k.adeyemi", "K. Adeyemi", "call_agent"),
    Colleague("p.marsh", "P. Marsh, Calder Trust", "paying_agent"),
)


@dataclass(frozen=True)
class DemoTip:
    """A tip of the story. `files` names what tipline.demo.files makes; `state` is where staff have brought it."""

    what: str
    how: str
    state: str
    files: tuple[str, ...] = ()
    assignee: str | None = None
    label: str | None = None
    reply: str | None = None
    answer: str | None = None
    in_case: bool = False
    question: tuple[str, ...] = ()  # what is asked, then the answers that are offered
    choice: int = 0
    sent_file: tuple[str, str] | None = None  # name and text of a file that goes with the reply


TIPS = (
    DemoTip(
        "In late August a man at my workplace bragged that he had “a pharmacy list” and would soon be rich. He uses the name Harrow in a "
        "chat group. He showed me a table on his screen and I took a picture.",
        "saw",
        "working",
        files=("IMG_2231.jpg", "chat-export.pdf", "members-extract.csv"),
        assignee="m.okafor",
        label="Insider",
        reply="Thank you. The picture matters. Do not go back for more, and do not talk to him about it. The file says how to take the "
        "place and time out of a photo.",
        question=("Did you see the table on his own computer?", "Yes, his own", "No, a work computer", "I am not sure"),
        choice=1,
        sent_file=(
            "before-you-send-photos.txt",
            "Photos carry place, time and phone. Take a picture of the picture, or ask us for a copy.\n",
        ),
        answer="No, it was the computer at the packing desk. I will not go near it again.",
        in_case=True,
    ),
    DemoTip(
        f"The address in your letter is the same one that wrote to our clinic last spring. They signed as the clearing desk: {DESK}. I "
        "kept the page.",
        "copy",
        "new",
        files=("clinic-letter.txt",),
    ),
    DemoTip("I worked the night shift at the mail house in Dayton until August. The envelopes were printed there.", "saw", "new"),
    DemoTip(
        "Esto lo vi en un grupo de mensajes. Un usuario vendía una lista de farmacia, mando la captura.",
        "told",
        "working",
        files=("captura.png",),
        assignee="m.okafor",
        label="Spanish",
    ),
    DemoTip(
        f"I think this is the same wallet as last year, when a dentist was blackmailed: {WALLET}. Look at the dates of the payments.",
        "told",
        "waiting",
        assignee="t.brandt",
        reply="Where did you read about the dentist?",
        in_case=True,
    ),
    DemoTip(
        "Someone offered me 200 dollars for my badge in June. He said he only wanted to look at the mail room.",
        "saw",
        "waiting",
        assignee="m.okafor",
        label="Insider",
        reply="What did he look like, and which door does your badge open?",
    ),
    DemoTip("I get your letters but I am not a member. Stop it.", "saw", "closed", assignee="t.brandt", label="Notice"),
    DemoTip("FREE GIFT CARDS click here to win today", "told", "junk"),
)

DECISIONS = {
    "Contains records of": "Compared by hand: names, birth dates and plan numbers agree.",
    "Shares an indicator": "The same wallet, and no other letter names it.",
}
