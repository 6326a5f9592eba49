"""Mistakes between parent and child: name servers, their names, their addresses."""

from dataclasses import replace

from site_building import HOSTING, Catalogue, NameServer, Site, registered

from resolver.testing import zone

CATALOGUE: Catalogue = {}
delegation = registered(CATALOGUE, "delegation")
alone = registered(CATALOGUE, "alone")


@delegation
def glue_leads_nowhere_for_one(site: Site) -> None:
    site.move_inside()
    site.first.glue = site.nobody()


@delegation
def glue_is_missing_for_one(site: Site) -> None:
    site.move_inside()
    site.first.glue = None


@alone
def glue_is_missing_for_all(site: Site) -> None:
    site.move_inside()
    for server in site.servers:
        server.glue = None


@alone
def glue_leads_nowhere_for_all(site: Site) -> None:
    site.move_inside()
    for server in site.servers:
        server.glue = site.nobody()


@alone
def glue_is_stale_and_the_old_server_answers(site: Site) -> None:
    site.move_inside()
    old = site.impostor()
    for server in site.servers:
        server.glue = old


@alone
def glue_is_stale_and_the_old_server_refuses(site: Site) -> None:
    site.move_inside()
    for server in site.servers:
        server.glue = site.impostor()
        site.net.refuse(server.glue)


@alone
def glue_of_a_name_outside_is_false(site: Site) -> None:
    """The TLD adds an address for a name of another TLD, which is an impostor's."""
    only = site.servers[0]
    name = site.ground.hosted(f"outside-{site.label}", f"A {only.address}")
    site.only(replace(only, name=name, glue=None))
    false = site.impostor()
    origin, parent = site.origin, site.parent
    for server in site.ground.tld_servers(parent):
        site.net.spoof(server, f"{name} 3600 A {false}", name=origin)


@delegation
def one_name_server_does_not_exist(site: Site) -> None:
    site.first.name = f"gone-{site.label}.{HOSTING}"
    site.first.glue = None


@alone
def no_name_server_exists(site: Site) -> None:
    for number, server in enumerate(site.servers):
        server.name, server.glue = f"gone{number}-{site.label}.{HOSTING}", None


@delegation
def one_name_server_has_no_address(site: Site) -> None:
    site.first.name = site.ground.hosted(f"bare-{site.label}", 'TXT "no address"')
    site.first.glue = None


@delegation
def one_name_server_is_an_alias(site: Site) -> None:
    """RFC 2181 section 10.3 forbids it."""
    target = site.ground.hosted(f"real-{site.label}", f"A {site.first.address}")
    site.first.name = site.ground.hosted(f"alias-{site.label}", f"CNAME {target}")
    site.first.glue = None


@alone
def the_only_name_server_is_an_alias(site: Site) -> None:
    one_name_server_is_an_alias(site)
    site.only(site.first)


@delegation
def one_name_server_is_an_address_literal(site: Site) -> None:
    site.first.name, site.first.glue = f"{site.first.address}.", None


@alone
def all_name_servers_are_address_literals(site: Site) -> None:
    for server in site.servers:
        server.name, server.glue = f"{server.address}.", None


@delegation
def the_child_names_other_servers(site: Site) -> None:
    site.first.in_child = False
    site.content.append(f"@ NS ns9\nns9 A {site.first.address}")


@delegation
def the_child_names_dead_servers(site: Site) -> None:
    for server in site.servers:
        server.in_child = False
    site.content.append(f"@ NS ns8\nns8 A {site.nobody()}")


@delegation
def the_child_names_servers_that_do_not_exist(site: Site) -> None:
    for server in site.servers:
        server.in_child = False
    site.content.append(f"@ NS gone.{HOSTING}")
    site.ask("@ NS")


@delegation
def the_child_names_one_server_more(site: Site) -> None:
    more = site.ground.address()
    site.servers.insert(0, NameServer(f"more.{site.origin}", more, None, in_parent=False))
    site.ask("@ NS")


@delegation
def the_parent_names_a_server_that_was_given_up(site: Site) -> None:
    old = NameServer(f"old.{site.origin}", site.nobody(), None, in_child=False, serves=False)
    old.glue = old.address
    site.servers.insert(0, old)


@alone
def two_zones_serve_each_other(site: Site) -> None:
    """Neither can be found without the other."""
    other = f"other-{site.label}.net."
    only = site.servers[0]
    site.only(replace(only, name=f"ns1.{other}", glue=None))
    site.ground.above["net."].append(f"{other} NS ns2.{site.origin}")


@alone
def the_delegation_leads_back_to_the_parent(site: Site) -> None:
    address = site.ground.tld_servers(site.parent)[0]
    site.only(NameServer(f"ns1.{site.origin}", address, address, serves=False))
    site.extra_parent.append(f"www.{site.origin} A 203.0.113.1")  # below the cut: never an answer


@delegation
def many_name_servers_and_few_that_work(site: Site) -> None:
    dead = site.nobody()
    for number in range(10, 20):
        name = f"ns{number}.{site.origin}"
        site.servers.insert(0, NameServer(name, dead, dead, in_child=False, serves=False))


@delegation
def one_name_server_is_only_reached_by_ipv6(site: Site) -> None:
    server = site.add_server("v6", v6=True)
    site.servers.insert(0, site.servers.pop())
    assert server is site.first


@alone
def all_name_servers_are_only_reached_by_ipv6(site: Site) -> None:
    site.servers.clear()
    site.add_server("v6", v6=True)


@delegation
def ipv6_addresses_lead_nowhere(site: Site) -> None:
    site.move_inside()
    address = site.ground.address6()
    site.net.host(f"nobody-{site.ground.used}.invalid.", address)
    site.net.dead(address)
    for server in site.servers:
        site.content.append(f"{server.name} AAAA {address}")
        site.extra_parent.append(f"{server.name} AAAA {address}")


@delegation
def name_servers_need_three_look_ups(site: Site) -> None:
    """A glueless chain over three zones, which is nobody's mistake, only long."""
    ground, net = site.ground, site.net
    above = ground.above["net."]
    address = ground.address()
    above.append(f"chain2-{site.label}.net. NS ns.chain2-{site.label}.net.")
    above.append(f"ns.chain2-{site.label}.net. A {address}")
    origin = f"chain2-{site.label}.net."
    net.host(origin, address, zone(origin, f"ns A {address}\nns1 A {address}"))
    above.append(f"chain1-{site.label}.net. NS ns1.{origin}")
    outer = f"chain1-{site.label}.net."
    net.host(outer, address, zone(outer, f"@ NS ns1.{origin}\nns A {site.first.address}"))
    site.first.name, site.first.glue = f"ns.{outer}", None
