"""RFC 1034 section 6.2: the standard queries to C.ISI.EDU, with the zones of section 6.1."""

from zone_answers import Response, ask, serve

ROOT = """$TTL 86400
. IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. ( 870611 1800 300 604800 86400 )
  NS A.ISI.EDU.
  NS C.ISI.EDU.
  NS SRI-NIC.ARPA.
MIL. 86400 NS SRI-NIC.ARPA.
     86400 NS A.ISI.EDU.
EDU. 86400 NS SRI-NIC.ARPA.
     86400 NS C.ISI.EDU.
SRI-NIC.ARPA. A 26.0.0.73
              A 10.0.0.51
              MX 0 SRI-NIC.ARPA.
              HINFO DEC-2060 TOPS20
ACC.ARPA. A 26.6.0.65
          HINFO PDP-11/70 UNIX
          MX 10 ACC.ARPA.
USC-ISIC.ARPA. CNAME C.ISI.EDU.
73.0.0.26.IN-ADDR.ARPA. PTR SRI-NIC.ARPA.
52.0.0.10.IN-ADDR.ARPA. PTR C.ISI.EDU.
A.ISI.EDU. 86400 A 26.3.0.103
C.ISI.EDU. 86400 A 10.0.0.52
"""
EDU = """$TTL 86400
EDU. IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. ( 870729 1800 300 604800 86400 )
     NS SRI-NIC.ARPA.
     NS C.ISI.EDU.
UCI 172800 NS ICS.UCI
ICS.UCI 172800 A 192.5.19.1
ISI 172800 NS VAXA.ISI
    172800 NS A.ISI
VAXA.ISI 172800 A 10.2.0.27
A.ISI 172800 A 26.3.0.103
C.ISI 86400 A 10.0.0.52
"""
SERVER = serve(root=ROOT)

NIC = {"SRI-NIC.ARPA. A 26.0.0.73", "SRI-NIC.ARPA. A 10.0.0.51"}
MX = "SRI-NIC.ARPA. MX 0 SRI-NIC.ARPA."
SOA = ". SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400"


def test_6_2_1_address() -> None:
    assert ask(SERVER, "SRI-NIC.ARPA.", "A") == Response("NOERROR", True, NIC, set(), set())


def test_6_2_2_everything() -> None:
    answer = ask(SERVER, "SRI-NIC.ARPA.", "ANY").answer
    assert answer == {*NIC, MX, 'SRI-NIC.ARPA. HINFO "DEC-2060" "TOPS20"'}


def test_6_2_3_mail_with_addresses() -> None:
    assert ask(SERVER, "SRI-NIC.ARPA.", "MX") == Response("NOERROR", True, {MX}, set(), NIC)


def test_6_2_4_no_data() -> None:
    """The SOA in the authority section came with RFC 2308 section 2.2."""
    assert ask(SERVER, "SRI-NIC.ARPA.", "NS") == Response("NOERROR", True, set(), {SOA}, set())


def test_6_2_5_no_such_name() -> None:
    assert ask(SERVER, "SIR-NIC.ARPA.", "A") == Response("NXDOMAIN", True, set(), {SOA}, set())


def test_6_2_6_referral() -> None:
    servers = {"MIL. NS SRI-NIC.ARPA.", "MIL. NS A.ISI.EDU."}
    glue = {"A.ISI.EDU. A 26.3.0.103", *NIC}
    assert ask(SERVER, "BRL.MIL.", "A") == Response("NOERROR", False, set(), servers, glue)


def test_6_2_7_alias_that_ends_in_another_zone() -> None:
    """The RFC's second response: of a server that is not an authority for EDU."""
    alias = {"USC-ISIC.ARPA. CNAME C.ISI.EDU."}
    servers = {"EDU. NS SRI-NIC.ARPA.", "EDU. NS C.ISI.EDU."}
    glue = {"C.ISI.EDU. A 10.0.0.52", *NIC}
    response = ask(SERVER, "USC-ISIC.ARPA.", "A")
    assert response == Response("NOERROR", True, alias, servers, glue)


def test_6_2_7_alias_into_a_child_that_has_another_cut() -> None:
    """With EDU beside the root, ISI.EDU is the next cut on the way to C.ISI.EDU."""
    response = ask(serve(root=ROOT, EDU_=EDU), "USC-ISIC.ARPA.", "A")
    assert response.authority == {"ISI.EDU. NS VAXA.ISI.EDU.", "ISI.EDU. NS A.ISI.EDU."}


def test_6_2_8_the_alias_itself() -> None:
    response = ask(SERVER, "USC-ISIC.ARPA.", "CNAME")
    alias = {"USC-ISIC.ARPA. CNAME C.ISI.EDU."}
    assert response == Response("NOERROR", True, alias, set(), set())
