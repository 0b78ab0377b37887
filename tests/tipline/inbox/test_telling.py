"""What is said to a source: all of it to the source, without keys and vouchers to staff, readable by nobody else."""

from __future__ import annotations

from evidence.keys import Identity
from tests.tipline.desk_house import Desk
from tipline.inbox.services import committed_recipient, get_tip
from tipline.inbox.telling import Told, read_for_staff, tell_source
from tipline.intake.told import SENT, ToldFile, read_told

VOUCHER = "voucher-canary-7"


def test_a_voucher_is_in_the_sources_message_only(desk: Desk) -> None:
    number = desk.send("He bragged.")
    source = Identity.generate()
    told = Told("Your claim is approved.", "status", files=(ToldFile("a.pdf", 3, "ab", "AGE-SECRET-canary"),), voucher=VOUCHER)
    with desk.acting() as (work, actor):
        tip = get_tip(work, actor, number, lock=True)
        keys = actor.keyring.program(tip.program_id)
        message = tell_source(work, tip, source.recipient, told, actor, keys)
        assert read_told(source.unwrap(message.to_source or b"")) == told
        assert read_for_staff(keys, message).voucher == SENT
        body = keys.open("tip_message", "body", message.id, message.body or b"")
        assert VOUCHER not in body
        assert "AGE-SECRET" not in body
    assert VOUCHER.encode() not in desk.everything_stored()


def test_messages_are_numbered_one_after_the_other_and_may_come_from_nobody(desk: Desk) -> None:
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor):
        tip = get_tip(work, actor, number, lock=True)
        recipient, keys = committed_recipient(work, actor, tip), actor.keyring.program(tip.program_id)
        said = [tell_source(work, tip, recipient, Told(words, "status"), None, keys) for words in ("One.", "Two.")]
        assert [(message.seq, message.kind, message.staff_id) for message in said] == [(1, "status", None), (2, "status", None)]


def test_an_old_reply_is_read_as_words(desk: Desk) -> None:
    number = desk.send("He bragged.")
    with desk.acting() as (work, actor):
        tip = get_tip(work, actor, number, lock=True)
        keys = actor.keyring.program(tip.program_id)
        message = tell_source(work, tip, committed_recipient(work, actor, tip), Told("x"), actor, keys)
        message.body = keys.seal("tip_message", "body", message.id, "Thank you.")
        assert read_for_staff(keys, message) == Told("Thank you.")
