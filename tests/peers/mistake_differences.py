"""Where BIND and Unbound say something else of the generated zones than we do, and why.

A row holds for zones with its mistake ("*": any), for one peer, where we and it answer like this.
Shapes are DATA, NODATA and rcodes, SILENCE for no reply in 12 s, UNREADABLE for a reply that is no
message. Where the shapes are equal and the data is not, the row says DATA (or SERVFAIL) for both.
"""

from typing import NamedTuple

ANY = "DATA NODATA NXDOMAIN SERVFAIL YXDOMAIN"
FOUND = "DATA NODATA NXDOMAIN"


class Row(NamedTuple):
    mistake: str
    peers: str
    ours: str
    theirs: str
    reason: str


ROWS = [
    Row("*", "unbound named", "SERVFAIL", "SILENCE", "we end after recursion.max_time, 8 s"),
    Row("*", "named", "SERVFAIL", "SERVFAIL", "BIND adds the chain it has found to SERVFAIL"),
    # One server of three is bad, and the answer depends on which one is asked.
    Row("lame_empty_one", "unbound named", FOUND, "NODATA", "empty without AA: lame to us"),
    Row("lame_empty_all", "unbound named", "SERVFAIL", "NODATA", "empty without AA: lame to us"),
    Row("refers_to_itself_one", "unbound", FOUND, "NODATA", "a referral to the zone is no denial"),
    Row("refers_to_itself_all", "unbound", "SERVFAIL", "NODATA", "and is lame to us, and to BIND"),
    Row("badvers_to_edns_one", "unbound", ANY, "NODATA DATA", "no upper rcode bits in Unbound"),
    Row("badvers_to_edns_all", "unbound", ANY, "NODATA DATA", "no upper rcode bits in Unbound"),
    Row("badvers_to_edns_all", "named", FOUND, "SERVFAIL", "we ask again without EDNS"),
    Row("notimp_to_edns_all", "named", FOUND, "SERVFAIL", "we ask again without EDNS"),
    Row("formerr_to_cookies_all", "named", FOUND, "SERVFAIL", "we ask again without the cookie"),
    Row("formerr_to_cookies_one", "named", FOUND, "SERVFAIL", "we ask again without the cookie"),
    Row("badcookie_for_ever_one", "named", FOUND, "SERVFAIL", "BIND gives up after some BADCOOKIE"),
    Row("badcookie_for_ever_all", "unbound", "SERVFAIL", FOUND, "Unbound 1.17 sends no cookies"),
    Row("sends_garbage_one", "named", FOUND, "SERVFAIL", "BIND ends at a message it cannot read"),
    Row("sends_garbage_all", "unbound", "SERVFAIL", "SILENCE", "Unbound goes on waiting"),
    Row("sends_another_id_one", "unbound", FOUND, "SILENCE", "Unbound goes on waiting"),
    Row(
        "truncates_and_is_silent_over_tcp_one",
        "unbound named",
        FOUND,
        "SILENCE SERVFAIL",
        "they wait longer for TCP than a client waits for them",
    ),
    Row(
        "answers_in_another_class_one",
        "unbound named",
        FOUND,
        "UNREADABLE SERVFAIL NODATA",
        "Unbound passes records of class CH on; BIND ends; we ask the next server",
    ),
    Row("answers_in_another_class_all", "unbound", "SERVFAIL", "UNREADABLE", "passed on as it is"),
    Row("sends_two_opts_all", "unbound named", "SERVFAIL", FOUND, "RFC 6891 6.1.1: no message"),
    Row(
        "nxdomain_for_what_is_empty_one",
        "unbound named",
        ANY,
        FOUND,
        "one server says NXDOMAIN where the others say NODATA, and nobody can know better",
    ),
    Row(
        "nxdomain_for_what_is_empty_all",
        "unbound named",
        ANY,
        FOUND,
        "a lie that RFC 8020 lets a resolver believe for all names below",
    ),
    Row("is_slow_all", "unbound", FOUND, "SILENCE", "Unbound waits for each address first"),
    # Delegations.
    Row("the_only_name_server_is_an_alias", "named", FOUND, "SERVFAIL", "RFC 2181 10.3; we follow"),
    Row(
        "the_child_names_servers_that_do_not_exist",
        "named",
        FOUND,
        "SERVFAIL SILENCE",
        "BIND goes by the child's name servers once it knows them, we by the parent's",
    ),
    Row(
        "the_child_names_dead_servers",
        "named",
        FOUND,
        "SERVFAIL SILENCE",
        "BIND goes by the child's name servers once it knows them, we by the parent's",
    ),
    Row(
        "many_name_servers_and_few_that_work",
        "unbound named",
        FOUND,
        "SERVFAIL SILENCE",
        "ten dead servers of thirteen take them longer than a client waits",
    ),
    Row(
        "glue_is_stale_and_the_old_server_answers",
        "unbound named",
        FOUND,
        FOUND,
        "old and new server both answer; which of them is asked is everybody's own matter",
    ),
    # Content.
    Row(
        "two_aliases_at_a_name", "unbound", "SERVFAIL", "DATA", "RFC 2181 10.1: there is one CNAME"
    ),
    Row("nxdomain_with_an_answer", "unbound named", "DATA", "NXDOMAIN SERVFAIL", "data is there"),
    Row("address_of_the_wrong_length", "unbound", "SERVFAIL", "UNREADABLE", "passed on as it is"),
    Row("a_set_of_hundreds", "named", "DATA", "SERVFAIL", "BIND: max-records-per-type 100"),
    Row("dname_onto_itself", "unbound", "SERVFAIL", "SILENCE", "Unbound takes longer to give up"),
    *(
        Row(mistake, "named", "NODATA NXDOMAIN", "SERVFAIL", "FORMERR to BIND, a denial to us")
        for mistake in (
            "denials_with_the_soa_of_the_parent",
            "denials_with_the_soa_of_a_stranger",
            "denials_with_the_soa_of_a_name_below",
            "denials_with_two_soas",
            "denials_with_name_servers_instead_of_soa",
            "strange_records_in_the_authority_section",
            "strange_records_in_the_answer",
        )
    ),
]


def reason(mistakes: tuple[str, ...], peer: str, ours: str, theirs: str) -> Row | None:
    """The row that explains a difference."""
    for row in ROWS:
        fits = row.mistake == "*" or row.mistake in mistakes
        alike = ours in row.ours.split() and theirs in row.theirs.split()
        if fits and alike and peer in row.peers.split():
            return row
    return None
