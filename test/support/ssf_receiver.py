#!/usr/bin/env python3
"""A strict receiver of shared signals, written from the specifications alone.

It uses a transmitter of the OpenID Shared Signals Framework 1.0 ("SSF" below)
as a foreign receiver would, takes CAEP 1.0 events by poll (RFC 8936) or push
(RFC 8935), and ends with exit code 1 and the section that was broken as soon
as the transmitter does something that the specifications forbid:

    ssf_receiver.py poll ISSUER --token TOKEN [--wait SECONDS]
    ssf_receiver.py push ISSUER --token TOKEN --listen PORT [--public-url URL]
                    [--wait SECONDS]

Standard output: `READY <stream_id>`, one JSON line for each accepted event,
and `DONE` once SIGTERM or the end of standard input has ended the stream.
"""

import argparse
import base64
import binascii
import collections
import http.client
import http.server
import ipaddress
import json
import os
import queue
import re
import secrets
import signal
import sys
import threading
import time
from urllib.parse import quote, urlsplit, urlunsplit

import jwt

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
WANTED = [CAEP + "session-revoked", CAEP + "credential-change",
          CAEP + "token-claims-change"]
VERIFICATION, STREAM_UPDATED = SSF + "verification", SSF + "stream-updated"
STATUSES = ("enabled", "paused", "disabled")
DESCRIPTION = "A receiver written from the specification"
STOPPED = "stopped before READY, by SIGTERM or the end of standard input"
SKEW = 60  # seconds that the transmitter's clock may be ahead
LONGEST_POLL = 120  # seconds until a poll without an answer is given up

# Asymmetric algorithms of RFC 7518 3.1 and RFC 8037: the key's kty and crv.
ALGORITHMS = {
    "RS256": ("RSA", None), "RS384": ("RSA", None), "RS512": ("RSA", None),
    "PS256": ("RSA", None), "PS384": ("RSA", None), "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"), "EdDSA": ("OKP", "Ed25519"),
}

# Formats of RFC 9493 3.2 and SSF 3.5: each member and what its value must be.
ANY = r"(?s).+"
FORMATS = {
    "account": {"uri": r"acct:[^@\s]+@[^@\s]+"},
    "email": {"email": r"[^@\s]+@[^@\s]+"},
    "iss_sub": {"iss": ANY, "sub": ANY},
    "opaque": {"id": ANY},
    "phone_number": {"phone_number": r"\+[1-9][0-9]{1,14}"},
    "did": {"url": r"did:[a-z0-9]+:\S+"},
    "uri": {"uri": r"[A-Za-z][A-Za-z0-9+.-]*:\S+"},
    "jwt_id": {"iss": ANY, "jti": ANY},
    "saml_assertion_id": {"issuer": ANY, "assertion_id": ANY},
}
COMPLEX_MEMBERS = {"user", "device", "session", "application", "tenant",
                   "org_unit", "group"}


class Violation(Exception):
    """A broken rule: its section, what was wrong, an RFC 8935 2.4 code."""

    def __init__(self, section, message, err="invalid_request"):
        super().__init__(f"{section}: {message}")
        self.err = err


class Stop(BaseException):
    """The end of the work, asked for by SIGTERM or by stdin's end."""


def must(condition, section, message, err="invalid_request"):
    """A check: the condition holds, or the section is violated."""
    if not condition:
        raise Violation(section, message, err)


def is_number(value):
    """Whether a value is a JSON number (a bool is none)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_strings(value):
    """Whether a value is a JSON array of strings that are not empty."""
    return isinstance(value, list) and all(
        isinstance(item, str) and item for item in value)


def note(message):
    """A remark on stderr about something that is allowed but notable."""
    print(f"note: {message}", file=sys.stderr, flush=True)


def unique(pairs):
    """An object from its members, whose names may come once (RFC 7519 4)."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a member's name comes twice")
    return result


def parse(data, section, what):
    """The JSON value of UTF-8 bytes."""
    def refuse(name):
        raise ValueError(f"{name} is no JSON")
    try:
        return json.loads(bytes(data).decode("utf-8"), parse_constant=refuse,
                          object_pairs_hook=unique)
    except ValueError as error:
        raise Violation(section, f"{what} is no strict JSON: {error}")


def check_url(url, section, name):
    """A check that a URL is on https, or on http at a loopback host."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except (ValueError, AttributeError):
        raise Violation(section, f"{name} is no URL: {url!r}")
    must(isinstance(url, str) and host and not parts.fragment, section,
         f"{name} is no URL of a host without a fragment: {url!r}")
    loopback = host == "localhost" or host.endswith(".localhost")
    if not loopback:
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            pass
    must(parts.scheme == "https" or parts.scheme == "http" and loopback,
         section, f"{name} is not on https (or loopback http): {url}")


def media_type(headers, name="Content-Type"):
    """A header's media type, in lower case and without parameters."""
    return (headers.get(name) or "").split(";")[0].strip().lower()


class Answer(collections.namedtuple("Answer", "status headers body")):
    """An HTTP answer."""

    def expect(self, status, section, what):
        """This answer, which must have the status."""
        must(self.status == status, section, f"{what}: status {self.status} "
             f"instead of {status}: {self.body[:300]!r}")
        return self

    def json(self, status, section, what, kind=dict):
        """The JSON document of this answer, which must have the status."""
        self.expect(status, section, what)
        must(media_type(self.headers) == "application/json", section,
             f"{what}: Content-Type {self.headers.get('Content-Type')!r}")
        document = parse(self.body, section, what)
        must(isinstance(document, kind), section,
             f"{what}: no JSON {kind.__name__}")
        return document

    def empty(self, status, section, what):
        """A check that this answer has the status and no body."""
        self.expect(status, section, what)
        must(not self.body, section, f"{what}: the body must be empty")


def call(method, url, token=None, body=None, timeout=30):
    """The answer to an HTTP request; a redirect is not followed."""
    parts = urlsplit(url)
    kind = (http.client.HTTPSConnection if parts.scheme == "https"
            else http.client.HTTPConnection)
    headers = {"Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(body).encode()
    connection = kind(parts.hostname, parts.port, timeout=timeout)
    try:
        path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def with_stream(endpoint, stream_id):
    """An endpoint's URL with the stream_id as a query parameter."""
    return (endpoint + ("&" if urlsplit(endpoint).query else "?")
            + "stream_id=" + quote(stream_id, safe=""))


def discover(issuer, method):
    """The checked Transmitter Configuration Metadata (SSF 7)."""
    check_url(issuer, "SSF 7.1", "issuer")
    parts = urlsplit(issuer)
    must(not parts.query, "SSF 7.1", "the issuer has a query")
    path = "/.well-known/ssf-configuration" + parts.path.rstrip("/")
    where = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
    data = call("GET", where).json(200, "SSF 7.2.3", where)
    must(data.get("issuer") == issuer, "SSF 7.2.4",
         f"issuer {data.get('issuer')!r} is not identical to {issuer!r}")
    must(data.get("spec_version") == "1_0", "SSF 7.1",
         f"spec_version {data.get('spec_version')!r} is not the final 1_0")
    must("jwks_uri" in data, "SSF 7.1", "SETs are signed: no jwks_uri")
    for name in ("configuration", "status", "verification"):
        must(f"{name}_endpoint" in data, "SSF 8.1",
             f"no {name}_endpoint, which this receiver needs")
    for name, value in data.items():
        if name == "jwks_uri" or name.endswith("_endpoint"):
            check_url(value, "SSF 7.1", name)
        must(value != [], "SSF 7.2.3", f"{name} is empty: omit it")
    for name in ("delivery_methods_supported", "critical_subject_members"):
        must(name not in data or is_strings(data[name]), "SSF 7.1",
             f"{name} is no array of strings")
    must(method in data.get("delivery_methods_supported", [method]),
         "SSF 7.1", f"delivery_methods_supported is without {method}")
    schemes = data.get("authorization_schemes", [])
    must(isinstance(schemes, list), "SSF 7.1.1", "authorization_schemes")
    for scheme in schemes:
        must(isinstance(scheme, dict) and re.match(
            r"urn:[A-Za-z0-9-]+:\S+$", str(scheme.get("spec_urn"))),
            "SSF 7.1.1", f"authorization scheme without spec_urn: {scheme}")
    must(data.get("default_subjects", "ALL") in ("ALL", "NONE"), "SSF 7.1",
         f"default_subjects {data.get('default_subjects')!r}")
    if data.get("default_subjects") == "NONE":
        note("default_subjects is NONE, and this program adds no subjects")
    return data


def read_keys(jwks_uri):
    """The transmitter's public keys, by kid (SSF 4.1.4, RFC 7517)."""
    answer = call("GET", jwks_uri)
    answer.expect(200, "SSF 7.1", "jwks_uri")
    must(media_type(answer.headers) in (
        "application/json", "application/jwk-set+json"), "RFC 7517 8.5",
        f"jwks_uri: Content-Type {answer.headers.get('Content-Type')!r}")
    document = parse(answer.body, "RFC 7517 5", "the JWK Set")
    must(isinstance(document, dict) and isinstance(document.get("keys"), list)
         and all(isinstance(key, dict) for key in document["keys"]),
         "RFC 7517 5.1", "the JWK Set has no array of keys")
    keys = {}
    for key in document["keys"]:
        must(isinstance(key.get("kty"), str), "RFC 7517 4.1", "no kty")
        must(key["kty"] != "oct" and "d" not in key, "RFC 7517 9.2",
             "the JWK Set publishes a secret or private key")
        if isinstance(key.get("kid"), str):
            must(key["kid"] not in keys, "RFC 7517 4.5", "a kid comes twice")
            keys[key["kid"]] = key
    return keys


def check_subject(subject, section, simple=False):
    """A check of a Subject Member (SSF 3, RFC 9493 3)."""
    must(isinstance(subject, dict), section, f"no subject: {subject!r}")
    kind = subject.get("format")
    members = {name: value for name, value in subject.items()
               if name != "format"}
    if kind == "complex" and not simple:
        must(members, "SSF 3.3", "a complex subject without members")
        for value in members.values():
            check_subject(value, "SSF 3.3", simple=True)
    elif kind == "aliases":
        must(set(members) == {"identifiers"} and members["identifiers"]
             and isinstance(members["identifiers"], list),
             "RFC 9493 3.2.8", f"bad aliases: {subject}")
        for value in members["identifiers"]:
            check_subject(value, "RFC 9493 3.2.8", simple=True)
            must(value["format"] != "aliases", "RFC 9493 3.2.8",
                 "aliases in aliases")
    elif kind == "ip-addresses":
        must(set(members) == {kind} and is_strings(members[kind]),
             "SSF 3.5.3", f"bad ip-addresses: {subject}")
        for address in members[kind]:
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise Violation("SSF 3.5.3", f"no IP address: {address}")
    else:
        must(isinstance(kind, str) and kind in FORMATS, "SSF 3.4",
             f"{kind!r} is no known subject identifier format here")
        must(set(members) == set(FORMATS[kind]), "RFC 9493 3",
             f"{kind} has exactly {sorted(FORMATS[kind])}: {subject}")
        for name, pattern in FORMATS[kind].items():
            must(isinstance(members[name], str)
                 and re.fullmatch(pattern, members[name]),
                 "RFC 9493 3.2", f"{kind}: bad {name}: {members[name]!r}")


def check_caep(uri, event, issued):
    """A check of the members of a CAEP event (CAEP 2 and 3)."""
    stamp = event.get("event_timestamp", issued)
    must(is_number(stamp) and 0 < stamp <= issued + SKEW, "CAEP 2",
         f"event_timestamp is no time in seconds before iat: {stamp!r}")
    must(event.get("initiating_entity", "user") in (
        "admin", "user", "policy", "system"), "CAEP 2",
        f"initiating_entity {event.get('initiating_entity')!r}")
    for name in ("reason_admin", "reason_user"):
        reason = event.get(name, {"en": "none"})
        must(isinstance(reason, dict) and reason and all(
            isinstance(text, str) and re.fullmatch(
                r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", tag)
            for tag, text in reason.items()), "CAEP 2",
            f"{name} is no object of language tags and texts: {reason!r}")
    if "subject" in event:
        check_subject(event["subject"], "SSF 3.1.1")
    if uri == CAEP + "token-claims-change":
        must(isinstance(event.get("claims"), dict) and event["claims"],
             "CAEP 3.2.1", "claims is no object of one or more claims")
    if uri == CAEP + "credential-change":
        # One of a list, "or any other credential type supported mutually".
        must(isinstance(event.get("credential_type"), str), "CAEP 3.3.1",
             f"credential_type {event.get('credential_type')!r} is no string")
        must(event.get("change_type") in (
            "create", "revoke", "update", "delete"), "CAEP 3.3.1",
            f"change_type {event.get('change_type')!r}")
        for name in ("friendly_name", "x509_issuer", "x509_serial",
                     "fido2_aaguid"):
            must(isinstance(event.get(name, ""), str), "CAEP 3.3.1",
                 f"{name} is no string")


class Receiver:
    """The part of the receiver that both delivery methods share."""

    method = None

    def __init__(self, options):
        self.issuer, self.token = options.issuer, options.token
        self.longest_wait = options.longest_wait
        self.metadata = discover(self.issuer, self.method)
        self.keys = read_keys(self.metadata["jwks_uri"])
        self.stream = None
        self.state = None  # that the next Verification Event must have
        self.seen = {}  # the claims of each SET, by jti
        self.acknowledged = set()
        self.ready = False
        self.held = None  # the jti that was left unacknowledged once
        self.held_until = None

    def api(self, method, endpoint, body=None, stream_id=None, token=True):
        """The answer of an endpoint of the management API (SSF 8)."""
        url = self.metadata[endpoint + "_endpoint"]
        if stream_id is not None:
            url = with_stream(url, stream_id)
        return call(method, url, self.token if token is True else token, body)

    # The stream (SSF 8.1.1)

    def create(self):
        """The creation of the stream, read again in both ways."""
        for token in (None, "wrong-" + secrets.token_hex(8)):
            self.check_refused(self.api("GET", "configuration", token=token))
        stream = self.api("POST", "configuration", {
            "delivery": self.delivery(), "events_requested": WANTED,
            "description": DESCRIPTION,
        }).json(201, "SSF 8.1.1.1", "create a stream")
        self.check_stream(stream)
        self.stream, stream_id = stream, stream["stream_id"]
        again = self.api("GET", "configuration", stream_id=stream_id).json(
            200, "SSF 8.1.1.2", "read the stream")
        must(again == stream, "SSF 8.1.1.2",
             f"the stream reads differently: {again} after {stream}")
        must(self.listed().count(stream_id) == 1, "SSF 8.1.1.2",
             "the new stream is not once in the list")
        self.api("GET", "configuration", stream_id=secrets.token_hex(16)
                 ).expect(404, "SSF 8.1.1.2", "read an unknown stream")
        self.check_refused(self.api("GET", "status", stream_id=stream_id,
                                    token=None))
        self.check_refused(self.api("POST", "verification",
                                    {"stream_id": stream_id}, token=None))
        self.check_status(self.api("GET", "status", stream_id=stream_id),
                          "enabled")

    def check_refused(self, answer, section="SSF 8"):
        """A check of the answer to a request without a right token."""
        answer.expect(401, section, "a request without a right token")
        must(answer.headers.get("WWW-Authenticate"), "RFC 9110 15.5.2",
             "a 401 without WWW-Authenticate")

    def check_stream(self, stream):
        """A check of a stream's configuration (SSF 8.1.1)."""
        section = "SSF 8.1.1"
        must(isinstance(stream.get("stream_id"), str) and stream["stream_id"],
             section, f"stream_id {stream.get('stream_id')!r}")
        must(stream.get("iss") == self.issuer, section,
             f"iss {stream.get('iss')!r} is not the issuer")
        aud = stream.get("aud")
        must(aud and is_strings(aud if isinstance(aud, list) else [aud]),
             section, f"aud is no string or array of strings: {aud!r}")
        must(is_strings(stream.get("events_delivered")), section,
             "events_delivered is no array of URIs")
        for name, default in (("events_supported", WANTED),
                              ("events_requested", WANTED)):
            value = stream.get(name, default)
            must(is_strings(value), section, f"{name} is no array of URIs")
            must(set(stream["events_delivered"]) <= set(value), section,
                 f"events_delivered is no subset of {name}")
        must(set(stream["events_delivered"]) <= set(WANTED), section,
             "events_delivered has an event that was not requested")
        for uri in set(WANTED) - set(stream["events_delivered"]):
            note(f"the transmitter does not deliver {uri}")
        delivery = stream.get("delivery")
        must(isinstance(delivery, dict) and delivery.get("method")
             == self.method, section, f"delivery {delivery!r}")
        for name, value in self.delivery().items():
            must(delivery.get(name, value) == value, section,
                 f"delivery.{name} is not what was requested")
        check_url(delivery.get("endpoint_url"), "SSF 6.1", "endpoint_url")
        for name in ("min_verification_interval", "inactivity_timeout"):
            value = stream.get(name, 1)
            must(isinstance(value, int) and not isinstance(value, bool)
                 and value >= 0, section, f"{name} {value!r}")
        text = stream.get("description", DESCRIPTION)
        must(isinstance(text, str) and DESCRIPTION.startswith(text), section,
             f"description {text!r}")

    def listed(self):
        """The ids of the streams in the list (SSF 8.1.1.2)."""
        streams = self.api("GET", "configuration").json(
            200, "SSF 8.1.1.2", "list the streams", list)
        for stream in streams:
            must(isinstance(stream, dict) and stream.get("iss") == self.issuer
                 and isinstance(stream.get("stream_id"), str),
                 "SSF 8.1.1.2", f"no stream configuration: {stream!r}")
        return [stream["stream_id"] for stream in streams]

    def check_status(self, answer, status):
        """A check of a stream's status (SSF 8.1.2)."""
        document = answer.json(200, "SSF 8.1.2", "status")
        must(document.get("stream_id") == self.stream["stream_id"],
             "SSF 8.1.2", f"status of another stream: {document}")
        must(document.get("status") == status and status in STATUSES,
             "SSF 8.1.2", f"status is not {status}: {document}")
        must(isinstance(document.get("reason", ""), str), "SSF 8.1.2",
             "reason is no string")

    def verify_stream(self):
        """The Verification Event, asked for and awaited (SSF 8.1.4)."""
        self.state = state = secrets.token_urlsafe(24)
        self.api("POST", "verification", {
            "stream_id": self.stream["stream_id"], "state": state,
        }).empty(204, "SSF 8.1.4.2", "ask for a Verification Event")
        until, early = time.monotonic() + self.longest_wait, []
        while self.state:
            must(time.monotonic() < until, "SSF 8.1.4",
                 f"no Verification Event in {self.longest_wait} seconds")
            early += self.receive()
        return [claims for claims in early if claims["events"].get(
            VERIFICATION, {}).get("state") != state]

    def delete(self):
        """The deletion of the stream, after which it is gone."""
        stream_id = self.stream["stream_id"]
        self.api("DELETE", "configuration", stream_id=stream_id).empty(
            204, "SSF 8.1.1.5", "delete the stream")
        self.stream = None
        must(stream_id not in self.listed(), "SSF 8.1.1.5",
             "the deleted stream is still in the list")
        for endpoint, section in (("configuration", "SSF 8.1.1.2"),
                                  ("status", "SSF 8.1.2.1")):
            self.api("GET", endpoint, stream_id=stream_id).expect(
                404, section, "read the deleted stream")

    # The SETs (SSF 4, RFC 8417)

    def accept(self, text):
        """The claims of a SET that is right and was not acknowledged yet."""
        claims = self.check_set(text)
        jti = claims["jti"]
        must(self.seen.setdefault(jti, claims) == claims, "RFC 8417 2.2",
             f"the jti {jti} is not unique: its claims differ")
        return claims

    def check_set(self, text):
        """The claims of a SET whose form, signature and claims are right."""
        header, payload = self.check_signature(text)
        must(header.get("typ") == "secevent+jwt", "SSF 4.1.1",
             f"typ {header.get('typ')!r} is not secevent+jwt")
        claims = parse(payload, "RFC 8417 2", "the SET")
        must(isinstance(claims, dict), "RFC 8417 2", "no JSON object")
        must(claims.get("iss") == self.issuer, "SSF 4.1.6",
             f"iss {claims.get('iss')!r}", "invalid_issuer")
        audiences = [value if isinstance(value, list) else [value]
                     for value in (claims.get("aud"), self.stream["aud"])]
        must(is_strings(audiences[0])
             and sorted(audiences[0]) == sorted(audiences[1]), "SSF 4.1.8",
             f"aud {claims.get('aud')!r} is not the stream's",
             "invalid_audience")
        for name, section in (("exp", "SSF 4.1.7"), ("sub", "SSF 4.1.2")):
            must(name not in claims, section, f"the claim {name} is present")
        issued = claims.get("iat")
        must(is_number(issued) and 0 < issued <= time.time() + SKEW,
             "RFC 8417 2.2", f"iat is no time until now: {issued!r}")
        must(isinstance(claims.get("jti"), str) and claims["jti"],
             "RFC 8417 2.2", f"jti {claims.get('jti')!r}")
        must(claims["jti"] not in self.acknowledged,
             "RFC 8936 2.4, RFC 8935 2.1",
             f"the acknowledged SET {claims['jti']} came again")
        must(isinstance(claims.get("txn", ""), str)
             and is_number(claims.get("toe", 0)), "RFC 8417 2.2", "txn or toe")
        events = claims.get("events")
        must(isinstance(events, dict) and len(events) == 1, "SSF 4.2.1",
             f"events is no object of one event: {events!r}")
        (uri, event), = events.items()
        must(isinstance(event, dict), "RFC 8417 2.2", "the event: no object")
        must("sub_id" in claims, "SSF 3.1", "no sub_id")
        check_subject(claims["sub_id"], "SSF 3.1")
        for name in self.metadata.get("critical_subject_members", []):
            must(claims["sub_id"]["format"] != "complex"
                 or name not in claims["sub_id"] or name in COMPLEX_MEMBERS,
                 "SSF 3.6", f"the critical member {name} is unknown here")
        if uri in (VERIFICATION, STREAM_UPDATED):
            self.check_stream_event(uri, event, claims["sub_id"])
        else:
            must(uri in self.stream["events_delivered"], "SSF 8.1.1",
                 f"{uri} is not in events_delivered")
            check_caep(uri, event, issued)
        return claims

    def check_signature(self, text):
        """The header and payload of a JWS whose signature is right."""
        must(re.fullmatch(r"([A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+", text),
             "RFC 7515 7.1", "the SET is no signed JWT in compact form")
        first = text.split(".")[0]
        try:
            first = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4))
        except binascii.Error:
            raise Violation("RFC 7515 7.1", "the header is no base64url")
        header = parse(first, "RFC 7515 4", "the header")
        must(isinstance(header, dict) and str(header.get("alg")) in ALGORITHMS,
             "RFC 7515 4.1.1", "alg is no asymmetric one", "invalid_key")
        must("crit" not in header, "RFC 7515 4.1.11", "unknown crit")
        alg, kid = header["alg"], header.get("kid")
        must(isinstance(kid, str), "RFC 7515 4.1.4", "no kid", "invalid_key")
        if kid not in self.keys:  # keys may have been changed since
            self.keys = read_keys(self.metadata["jwks_uri"])
        must(kid in self.keys, "SSF 4.1.4",
             f"the kid {kid!r} is not in the JWK Set", "invalid_key")
        key, (kty, crv) = self.keys[kid], ALGORITHMS[alg]
        must(key["kty"] == kty and crv in (None, key.get("crv"))
             and key.get("alg", alg) == alg and key.get("use", "sig") == "sig"
             and "verify" in key.get("key_ops", ["verify"]), "RFC 7517 4",
             f"the key {kid} is not for {alg} signatures", "invalid_key")
        try:
            public = jwt.PyJWK(key, alg).key
            must(kty != "RSA" or public.key_size >= 2048, "RFC 7518 3.3",
                 "an RSA key of less than 2048 bits", "invalid_key")
            return header, jwt.PyJWS().decode_complete(
                text, public, algorithms=[alg])["payload"]
        except (jwt.PyJWTError, ValueError, KeyError) as error:
            raise Violation("RFC 8417 5.1", f"the signature is wrong: {error}",
                            "invalid_key")

    def check_stream_event(self, uri, event, subject):
        """A check of an event about the stream itself (SSF 8.1.4, 8.1.5)."""
        section = "SSF 8.1.4.1" if uri == VERIFICATION else "SSF 8.1.5"
        must(subject == {"format": "opaque", "id": self.stream["stream_id"]},
             section, f"sub_id is not the opaque stream_id: {subject}")
        if uri == STREAM_UPDATED:
            must(event.get("status") in STATUSES
                 and isinstance(event.get("reason", ""), str), section,
                 f"status or reason: {event}")
        elif "state" in event:
            must(self.state is not None, "SSF 8.1.4.2",
                 "a Verification Event with a state that was not asked for",
                 "invalid_state")
            must(event["state"] == self.state, section,
                 f"state {event['state']!r} is not {self.state!r}",
                 "invalid_state")
            self.state = None

    def hold(self, claims):
        """Whether a SET is the one that is not acknowledged at first."""
        if self.ready and self.held is None:
            self.held = claims["jti"]
            self.held_until = time.monotonic() + self.longest_wait
            return True
        if claims["jti"] == self.held:
            self.held_until = None
        return False

    # The work

    def work(self):
        """The life of the stream until Stop."""
        self.create()
        early = self.verify_stream()
        self.before_ready()
        print(f"READY {self.stream['stream_id']}", flush=True)
        self.show(early)
        self.ready = True
        while True:
            self.show(self.receive())
            must(self.held_until is None or time.monotonic()
                 < self.held_until, "RFC 8936 2.5, RFC 8935 4",
                 f"the SET {self.held} was not acknowledged and did not come "
                 f"again in {self.longest_wait} seconds")

    def show(self, accepted):
        """The lines of accepted events."""
        for claims in accepted:
            (uri, event), = claims["events"].items()
            print(json.dumps({"event": uri.rsplit("/", 1)[1], "sub_id":
                              claims["sub_id"], "claims": event}), flush=True)

    def before_ready(self):
        """What a delivery method checks before READY."""

    def finish(self):
        """The orderly end."""
        must(self.ready, "receiver", STOPPED)
        self.delete()
        print("DONE", flush=True)


class PollReceiver(Receiver):
    """The receiver that polls (SSF 6.1.2, RFC 8936)."""

    method = POLL

    def __init__(self, options):
        super().__init__(options)
        self.pending = []  # what the next poll acknowledges

    def delivery(self):
        """The delivery of the stream; its URL is the transmitter's."""
        return {"method": POLL}

    def before_ready(self):
        """The check that nobody else can poll (SSF 7.1.1)."""
        self.check_refused(call(
            "POST", self.stream["delivery"]["endpoint_url"], None,
            {"returnImmediately": True}), "SSF 7.1.1")

    def poll(self, timeout=30, **request):
        """The accepted SETs of a poll, or None if it was not answered."""
        try:
            answer = call("POST", self.stream["delivery"]["endpoint_url"],
                          self.token, request, timeout)
        except TimeoutError:
            must(not request["returnImmediately"], "RFC 8936 2.2",
                 "no answer, although returnImmediately is true")
            return None
        document = answer.json(200, "RFC 8936 2.3", "poll")
        self.acknowledged.update(request.get("ack", []))
        sets = document.get("sets")
        must(isinstance(sets, dict), "RFC 8936 2.3", "sets is no object")
        must(isinstance(document.get("moreAvailable", False), bool),
             "RFC 8936 2.3", "moreAvailable is no boolean")
        accepted = []
        for jti, text in sets.items():
            try:
                must(isinstance(text, str), "RFC 8936 2.3", "SET: no string")
                accepted.append(self.accept(text))
                must(accepted[-1]["jti"] == jti, "RFC 8936 2.3",
                     f"the SET at {jti} has the jti {accepted[-1]['jti']}")
            except Violation as error:
                self.report(jti, error)
                raise
        return accepted

    def report(self, jti, error):
        """The report of an error to the transmitter (RFC 8936 2.4.4)."""
        try:
            call("POST", self.stream["delivery"]["endpoint_url"], self.token,
                 {"returnImmediately": True, "maxEvents": 0, "setErrs": {jti: {
                     "err": error.err, "description": str(error)}}})
        except OSError:
            pass

    def receive(self):
        """The new SETs of a long poll that acknowledges those before."""
        start, timeout = time.monotonic(), LONGEST_POLL
        if self.held_until or not self.ready:
            timeout = min(timeout, self.longest_wait)
        request = {"returnImmediately": False}
        if self.pending:
            request["ack"] = list(self.pending)
        accepted = self.poll(timeout, **request)
        if accepted is None:
            return []
        if not accepted and time.monotonic() - start < 0.5:
            time.sleep(0.5)
        accepted = [claims for claims in accepted if not self.hold(claims)]
        self.pending = [claims["jti"] for claims in accepted]
        return accepted

    def finish(self):
        """The end, after the last acknowledgements (RFC 8936 2.4.2)."""
        if self.pending:
            must(not self.poll(returnImmediately=True, maxEvents=0,
                               ack=self.pending), "RFC 8936 2.4.2",
                 "SETs although maxEvents is 0")
        super().finish()


class PushReceiver(Receiver):
    """The receiver to which is pushed (SSF 6.1.1, RFC 8935)."""

    method = PUSH

    def __init__(self, options):
        super().__init__(options)
        self.url = options.public_url or (
            f"http://localhost:{options.listen}/events")
        self.secret = "Bearer " + secrets.token_urlsafe(24)
        self.inbox = queue.Queue()  # accepted claims and Violations
        self.lock = threading.Lock()
        self.created = threading.Event()
        self.paused = False
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", options.listen), PushHandler)
        server.receiver = self
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def delivery(self):
        """The delivery of the stream, with our URL and our secret."""
        return {"method": PUSH, "endpoint_url": self.url,
                "authorization_header": self.secret}

    def create(self):
        """The creation of the stream, to which SETs may come at once."""
        super().create()
        self.created.set()

    def before_ready(self):
        """The stream paused and enabled again (SSF 8.1.2)."""
        stream_id = self.stream["stream_id"]
        for status in ("paused", "enabled"):
            self.paused = False
            self.check_status(self.api("POST", "status", {
                "stream_id": stream_id, "status": status}), status)
            self.paused = status == "paused"
            self.check_status(self.api(
                "GET", "status", stream_id=stream_id), status)

    def pushed(self, path, headers, body):
        """The status for a request in which a SET is pushed."""
        if not self.created.wait(10):
            return 503
        with self.lock:
            must(path == (urlsplit(self.url).path or "/"), "SSF 6.1.1",
                 f"pushed to {path}")
            must(headers.get("Authorization") == self.secret, "SSF 6.1.1",
                 "Authorization is not the stream's authorization_header",
                 "authentication_failed")
            for name, value in (("Content-Type", "application/secevent+jwt"),
                                ("Accept", "application/json")):
                must(media_type(headers, name) == value, "RFC 8935 2.1",
                     f"{name} {headers.get(name)!r} is not {value}")
            must(not self.paused, "SSF 8.1.2.1", "pushed to a paused stream")
            claims = self.accept(body.decode("latin-1"))
            if self.hold(claims):
                return 503
            self.acknowledged.add(claims["jti"])
            self.inbox.put(claims)
            return 202

    def receive(self):
        """The SETs that were pushed."""
        try:
            return [self.take(self.inbox.get(timeout=0.5))]
        except queue.Empty:
            return []

    def take(self, item):
        """An item of the inbox; a Violation ends the work."""
        if isinstance(item, Violation):
            raise item
        return item

    def finish(self):
        """The end, after what has come until now."""
        while not self.inbox.empty():
            self.show([self.take(self.inbox.get())])
        super().finish()


class PushHandler(http.server.BaseHTTPRequestHandler):
    """The HTTP server of the endpoint_url (RFC 8935 2)."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        """The answer to a pushed SET: 202, 503, or 400 with the error."""
        receiver, document, broken = self.server.receiver, b"", None
        try:
            status = receiver.pushed(self.path, self.headers, self.read())
        except Violation as error:
            status, broken = 400, error
            document = json.dumps({"err": error.err,
                                   "description": str(error)}).encode()
        except Exception as error:  # whatever it is, the work must end
            status, broken = 500, Violation("receiver", repr(error))
        try:
            self.send_response(status)
            if document:
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Language", "en")
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)
        finally:
            if broken:
                receiver.inbox.put(broken)

    def do_GET(self):
        """The refusal of every other method."""
        self.server.receiver.inbox.put(Violation(
            "RFC 8935 2.1", f"a {self.command} where only a POST may come"))
        self.send_error(405)

    do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def read(self):
        """The request's body, of a known length or in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def log_message(self, *arguments):
        """No log of requests."""


def stop_at_the_end():
    """SIGTERM and the end of stdin, made into one Stop of the main thread."""
    def stop(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stop

    def watch():
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass  # it was closed from the start
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=watch, daemon=True).start()


def main():
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    modes = parser.add_subparsers(required=True, dest="mode")
    for mode in ("poll", "push"):
        options = modes.add_parser(mode)
        options.add_argument("issuer")
        options.add_argument("--token", required=True)
        options.add_argument("--wait", dest="longest_wait", type=float,
                             default=60)
    options.add_argument("--listen", type=int, required=True)
    options.add_argument("--public-url")
    options = parser.parse_args()
    receiver = None
    try:
        try:
            stop_at_the_end()
            receiver = (PollReceiver if options.mode == "poll"
                        else PushReceiver)(options)
            receiver.work()
        except Stop:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            must(receiver, "receiver", STOPPED)
            receiver.finish()
    except (Violation, OSError, http.client.HTTPException) as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        kind = "VIOLATION" if isinstance(error, Violation) else "FAILURE"
        print(f"{kind} {error or repr(error)}", file=sys.stderr, flush=True)
        if receiver and receiver.stream:
            try:
                receiver.api("DELETE", "configuration",
                             stream_id=receiver.stream["stream_id"])
            except (OSError, http.client.HTTPException):
                pass
        sys.exit(1)


if __name__ == "__main__":
    main()
