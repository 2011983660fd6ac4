#!/usr/bin/env python3
"""Checks the exported books of EduGrid with nothing but this file and Python 3.8 or later.

    kubectl edugrid ledger export -o books.jsonl
    python3 check_ledger.py books.jsonl --head HASH

It shares no code with EduGrid and believes no result that stands in the books. It reads what
was commanded, reckons from that and from the price books alone what each command had to lead
to, and compares: the hash chain, the numbers and times, who may pay for what, each hold, each
charge to the micro-yuan, each movement, and that no bounded account is ever below zero.
docs/en/ledger-format.md says what each field means.

Exit codes: 0 the books are sound, 1 they are not, 2 the file can't be read or the command line
is wrong.
"""

import argparse
import hashlib
import json
import re
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from math import gcd

LINE = re.compile(rb'\{"sequence":"(0|[1-9][0-9]*)","hash":"([0-9a-f]{64})","body":(.*)\}\n', re.S)
INTEGER = re.compile(r"0|-?[1-9][0-9]*")
LINE_BYTES_MAX = 512 * 1024  # No line is longer, so no memory is needed for a longer one.
NANOS = 10**9
DAY = 86_400
SHANGHAI = 8 * 3600  # UTC+8 without summer time since 1991.
UNIT_HOUR = 3600 * 1000  # Milli-units times seconds in a unit-hour.
BAND_DENOMINATOR_MAX = 1_000_000


class Wrong(Exception):
    """What is wrong with the entry that is being read."""


def require(holds, what):
    if not holds:
        raise Wrong(what)


# --- hashes ---------------------------------------------------------------------------------


def sm3(data):
    """SM3 as GB/T 32905 has it, for where hashlib's OpenSSL comes without."""
    word = 0xFFFFFFFF

    def left(x, n):
        n %= 32
        return ((x << n) | (x >> (32 - n))) & word

    def p0(x):
        return x ^ left(x, 9) ^ left(x, 17)

    def p1(x):
        return x ^ left(x, 15) ^ left(x, 23)

    v = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    for block in range(0, len(padded), 64):
        w = [int.from_bytes(padded[block + i : block + i + 4], "big") for i in range(0, 64, 4)]
        for j in range(16, 68):
            w.append(p1(w[j - 16] ^ w[j - 9] ^ left(w[j - 3], 15)) ^ left(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = v
        for j in range(64):
            ss1 = left((left(a, 12) + e + left(0x79CC4519 if j < 16 else 0x7A879D8A, j)) & word, 7)
            ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
            gg = e ^ f ^ g if j < 16 else (e & f) | (~e & word & g)
            tt1 = (ff + d + (ss1 ^ left(a, 12)) + (w[j] ^ w[j + 4])) & word
            tt2 = (gg + h + ss1 + w[j]) & word
            a, b, c, d, e, f, g, h = tt1, a, left(b, 9), c, p0(tt2), e, left(f, 19), g
        v = [old ^ new for old, new in zip(v, (a, b, c, d, e, f, g, h))]
    return b"".join(x.to_bytes(4, "big") for x in v)


def sha256(data):
    return hashlib.sha256(data).digest()


def best_sm3():
    try:
        hashlib.new("sm3", b"")
    except ValueError:
        return sm3
    return lambda data: hashlib.new("sm3", data).digest()


ALGORITHMS = {"SHA-256": (1, sha256), "SM3": (2, best_sm3())}


# --- values ---------------------------------------------------------------------------------


def number(text, least=0):
    """An integer, which the books write as a decimal string."""
    require(isinstance(text, str) and INTEGER.fullmatch(text), f"{text!r} is not an integer in a string")
    require(int(text) >= least, f"{text} is below {least}")
    return int(text)


def stamp(text):
    """Nanoseconds since 1970 in UTC."""
    return number(text, -(2**63))


def maybe(read, value):
    return None if value is None else read(value)


def seconds(nanos):
    return nanos // NANOS


def month(nanos):
    local = datetime(1970, 1, 1) + timedelta(seconds=max(seconds(nanos) + SHANGHAI, 0))
    return f"{local.year}-{local.month:02}"


def attempt_key(key):
    return (key["job"], number(key["task"]), number(key["attempt"]))


def key_text(key):
    return "{}/{}/{}".format(*key)


def canonical(value):
    """RFC 8785. The books hold no numbers, and keys of ASCII only."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


# --- prices and charges ---------------------------------------------------------------------


def windows(band):
    """The parts of a day, in seconds, that a band covers: two where it runs over midnight."""
    start, end = 60 * number(band["from_minute"]), 60 * number(band["until_minute"])
    return [(start, end)] if start < end else [(start, DAY), (0, end)]


def seconds_in(band, start, end):
    """How many of the seconds [start, end) lie in the band, day by day in Asia/Shanghai."""
    start, end, total = start + SHANGHAI, end + SHANGHAI, 0
    for day in range(start // DAY, (end - 1) // DAY + 1):
        for opens, closes in windows(band):
            total += max(0, min(end, day * DAY + closes) - max(start, day * DAY + opens))
    return total


class Rates:
    """What a unit costs for an hour, and the bands of the day that multiply it."""

    def __init__(self, per_unit_hour, bands):
        self.price = per_unit_hour
        self.bands = bands
        self.common = 1
        for band in bands:
            denominator = number(band["factor"][1], 1)
            self.common = self.common * denominator // gcd(self.common, denominator)
        self.divisor = UNIT_HOUR * self.common

    def factor(self, band):
        num, den = map(number, band["factor"])
        return num * (self.common // den)

    def charge(self, milli, start, end):
        """What milli-units cost over whole seconds: one numerator, floored once."""
        outside, weight = max(0, end - start), 0
        for band in self.bands:
            inside = seconds_in(band, start, end) if start < end else 0
            outside -= inside
            weight += inside * self.factor(band)
        return milli * self.price * (weight + outside * self.common) // self.divisor

    def highest(self, start, span):
        """The highest factor that any second of the span has."""
        # What a whole day doesn't touch, nothing touches.
        span = min(span, DAY)
        outside, highest = span, 0
        for band in self.bands:
            inside = seconds_in(band, start, start + span) if span else 0
            outside -= inside
            if inside:
                highest = max(highest, self.factor(band))
        return max(highest, self.common) if outside else highest


def covered(base, coverage):
    """The part of a cost that a voucher pays, floored over the whole slice."""
    return base * coverage[0] // coverage[1]


class Slice:
    def __init__(self, fields):
        self.voucher = fields["voucher"]
        self.base = number(fields["base"])
        self.coverage = (number(fields["coverage"][0]), number(fields["coverage"][1], 1))
        self.until = maybe(stamp, fields["valid_until"])
        self.paid, self.closed = 0, False

    def split(self, base):
        granted = covered(base, self.coverage) if self.voucher is not None else 0
        return granted, base - granted


class Attempt:
    """An attempt that was admitted and hasn't ended."""

    def __init__(self, admit, at, rates):
        admission, hold = admit["admission"], admit["hold"]
        self.milli = number(admission["billed"])
        self.walltime = number(admission["walltime"]) * NANOS
        self.job = admission["key"]["job"]
        self.provider = "provider:" + hold["provider"]
        self.own = hold["own_account"]
        self.slices = [Slice(fields) for fields in hold["slices"]]
        self.held = sum(it.base for it in self.slices)
        self.rates, self.month = rates, month(at)
        self.started = self.confirmed = self.charged_until = None

    def charged(self):
        return sum(it.paid for it in self.slices)

    def allotted(self, start, end):
        """What each slice pays for use in [start, end): use is cut where a slice ends, and what
        no open slice can take is not charged."""
        paid, reached = [0] * len(self.slices), 0
        ends = {seconds(it.until) for it in self.slices if it.until is not None}
        for cut in sorted(it for it in ends if start < it < end) + [end]:
            target = self.rates.charge(self.milli, start, cut)
            rest, reached = max(0, target - reached), target
            for index, it in enumerate(self.slices):
                if it.until is None or cut <= seconds(it.until):
                    part = min(rest, it.base - paid[index])
                    paid[index] += part
                    rest -= part
        return paid


# --- the books ------------------------------------------------------------------------------


class Books:
    """What follows from the entries that were read. Each command has a method of its name, which
    says what it must have led to: its answer and its legs."""

    DONE = {"Done": {}}

    def __init__(self):
        self.opening = self.head = self.hash = self.last_at = None
        self.entries = self.epoch = self.settled = 0
        self.forgotten = -(2**63)  # Nothing that is bound to an instant up to here is written any more.
        self.accounts = defaultdict(lambda: [0, 0, 0, 0])  # debits, credits: posted, pending
        self.ids, self.lines, self.prices, self.vouchers = set(), {}, {}, {}
        self.own_funds = defaultdict(list)  # By holder.
        self.open, self.last_attempt, self.gone = {}, {}, set()

    # Reading an entry.

    def read(self, line):
        parts = LINE.fullmatch(line)
        require(parts, "it is not a line of the documented form, ended by a line feed")
        sequence, hashed, body = parts.groups()
        require(int(sequence) == self.entries, f"it is numbered {int(sequence)}")
        if self.opening is not None:
            self.check_hash(hashed, body, self.head)
        entry = json.loads(body)
        require(canonical(entry) == body, "its body is not canonical JSON (RFC 8785)")
        (verb, command), at = one(entry["command"]), stamp(entry["at"])
        if self.opening is None:
            require(verb == "Open", "the first command is not Open")
            require(command["algorithm"] in ALGORITHMS, f"algorithm {command['algorithm']!r} is unknown")
            self.opening = command
            digest = ALGORITHMS[command["algorithm"]][1]
            self.check_hash(hashed, body, digest(command["book"].encode()))
        self.check_frame(entry, verb, command, at)
        answer, legs = getattr(self, "command_" + verb)(command, at)
        same(entry["answer"], answer, "answer")
        written = [{"debit": d, "credit": c, "amount": str(a), "phase": p} for d, c, a, p in legs]
        same(entry["legs"], written, "legs")
        for leg in legs:
            self.post(*leg)
        for debit, *_ in legs:
            self.check_bound(debit)
        self.entries, self.last_at = self.entries + 1, at

    def check_hash(self, hashed, body, previous):
        byte, digest = ALGORITHMS[self.opening["algorithm"]]
        found = digest(previous + bytes([byte]) + len(body).to_bytes(8, "big") + body)
        require(found.hex().encode() == hashed, "its hash does not follow from the entry before and the body")
        self.head = found

    def check_frame(self, entry, verb, command, at):
        fields = {"answer", "at", "command", "format", "id", "legs", "sequence"}
        require(set(entry) == fields, f"its fields are not {', '.join(sorted(fields))}")
        require(entry["format"] == "1", f"format {entry['format']!r} is unknown")
        require(number(entry["sequence"]) == self.entries, "body and line have two numbers")
        require(self.last_at is None or at > self.last_at, "its time is not after that of the entry before")
        require(verb in SUBJECTS, f"command {verb!r} is unknown")
        require(self.epoch > 0 or verb in ("Open", "Epoch"), "nobody leads yet")
        subject = SUBJECTS[verb](command)
        found = sha256(f"{verb}\n{subject}".encode())[:16]
        require(entry["id"] == found.hex(), "its id is not that of the command")
        require(found not in self.ids, "the command stands in the books before")
        self.ids.add(found)
        if verb in ("Alive", "Owned", "Rebase", "Forget"):
            require(stamp(command["at"]) > self.forgotten, "it is about an instant that was to be forgotten")

    # Accounts.

    def post(self, debit, credit, amount, phase):
        require(amount > 0 and debit != credit, f"a leg moves {amount} from {debit} to {credit}")
        for account, side in ((debit, 0), (credit, 2)):
            counters = self.accounts[account]
            if phase in ("Post", "Capture"):
                counters[side] += amount
            if phase == "Hold":
                counters[side + 1] += amount
            elif phase in ("Capture", "Release"):
                counters[side + 1] -= amount
                require(counters[side + 1] >= 0, f"{account} captures or releases more than is held")

    def check_bound(self, account):
        bounded = account.startswith(("grant:", "budget:"))
        require(not bounded or self.available(account) >= 0, f"{account} is below zero")

    def available(self, account):
        posted, pending, credits, _ = self.accounts[account]
        return credits - posted - pending

    # Commands that move no money.

    def command_Open(self, command, _at):
        require(self.entries == 0, "the book is open already")
        require(command["book"], "the book has no id")
        number(command["factor"], 1)
        stamp(command["origin"])
        return self.DONE, []

    def command_Epoch(self, command, _at):
        epoch = number(command["epoch"])
        require(epoch == self.epoch + 1, f"epoch {epoch} follows {self.epoch}")
        self.epoch = epoch
        return self.DONE, []

    def command_FundingLine(self, command, _at):
        number(command["total"])
        self.lines[command["name"]] = command
        return self.DONE, []

    def command_PriceBook(self, command, _at):
        sold = [(it["pool"], it["tier"]) for it in command["prices"]]
        require(len(set(sold)) == len(sold), "a pool and tier have two prices")
        busy = []
        for band in command["bands"]:
            start, end = number(band["from_minute"]), number(band["until_minute"], 1)
            require(start < 1440 and end <= 1440 and start != end, f"band {band['name']} is outside of the day")
            busy += windows(band)
        busy = sorted(it for it in busy if it[0] < it[1])
        require(all(a[1] <= b[0] for a, b in zip(busy, busy[1:])), "two bands overlap")
        require(Rates(0, command["bands"]).common <= BAND_DENOMINATOR_MAX, "the factors are too fine")
        self.prices[command["name"]] = command
        return self.DONE, []

    def command_Bound(self, command, _at):
        self.attempt(command)
        return self.DONE, []

    command_Stop = command_Bound

    def command_Started(self, command, _at):
        attempt = self.attempt(command)
        attempt.started = attempt.confirmed = stamp(command["at"])
        return self.DONE, []

    def command_Alive(self, command, at):
        seen = stamp(command["at"])
        require(seen <= at, "it confirms what has not happened yet")
        silent = {attempt_key(key) for key in command["except"]}
        for key, attempt in self.open.items():
            if key not in silent and attempt.confirmed is not None:
                attempt.confirmed = max(attempt.confirmed, seen)
        return self.DONE, []

    def command_Owned(self, command, at):
        require(stamp(command["at"]) <= at, "it tells what has not happened yet")
        return self.DONE, []

    def command_Rebase(self, command, at):
        number(command["half_life"], 1)
        return self.command_Owned(command, at)

    def command_Moved(self, command, _at):
        require(number(command["epoch"]) == self.epoch and command["cluster"], "another leader's, or to no cluster")
        return self.DONE, []

    def command_Forget(self, command, at):
        jobs = set(command["jobs"])
        require(not any(key[0] in jobs for key in self.open), "a job that is to be forgotten has an open attempt")
        done = self.command_Owned(command, at)
        self.forgotten = max(self.forgotten, stamp(command["at"]) - 1)
        self.gone |= jobs
        return done

    # Vouchers.

    def command_Grant(self, command, at):
        name, path, kind = command["voucher"], command["holder_path"], command["kind"]
        face, line = number(command["face"], 1), command["funding_line"]
        num, den = map(number, command["coverage"])
        holder, issuer, own = path[0], command["issuer"], kind == "OwnFunds"
        start, end = stamp(command["valid_from"]), maybe(stamp, command["valid_until"])
        require(0 < num <= den and (not own or num == den), "its coverage is not above 0 and at most 1")
        require(end is None or start < end, "it ends before it begins")
        require(issuer in path and (issuer != holder or issuer == path[-1]), "its issuer is not above its holder")
        makers = (command["made_by"], command["checked_by"])
        require(all(makers) and makers[0] != makers[1], "one person made and approved it")
        require(own == (line is None), "a funding line stands where none may, or is missing")
        credit = f"budget:{holder}" if own else f"grant:{name}"
        debit = "external" if issuer == path[-1] else f"budget:{issuer}"
        if line is not None:
            require(line in self.lines, f"funding line {line} is unknown")
            require(self.lines[line]["issuer"] == issuer, f"funding line {line} is another issuer's")
            debit = f"issuer:{line}"
            returned = self.accounts[f"expired:{line}"][2] + self.accounts[f"revoked:{line}"][2]
            out = self.accounts[debit][0] - returned
            require(face <= number(self.lines[line]["total"]) - out, f"funding line {line} has not so much left")
        caps = {it: maybe(number, command["caps"][it]) for it in ("per_job", "per_month")}
        self.vouchers[name] = {
            "grant": command, "holder": holder, "line": line, "from": start, "until": end, "state": "Active",
            "expired": False, "own": own, "coverage": (num, den), "caps": caps, "used": defaultdict(int),
        }
        if own:
            self.own_funds[holder].append(self.vouchers[name])
        return self.DONE, [(debit, credit, face, "Post")]

    def voucher(self, name):
        require(name in self.vouchers, f"voucher {name} is unknown")
        return self.vouchers[name]

    def command_VoucherState(self, command, _at):
        voucher, state = self.voucher(command["voucher"]), command["state"]
        require(state in ("Active", "Frozen", "Revoked"), f"state {state!r} is unknown")
        require(voucher["state"] != "Revoked", "it was revoked for good")
        takes_back = state == "Revoked" and not voucher["expired"]
        voucher["state"] = state
        return self.DONE, self.returned(command["voucher"], "revoked") if takes_back else []

    def command_Expire(self, command, at):
        voucher = self.voucher(command["voucher"])
        require(voucher["until"] is not None and voucher["until"] <= at, "it has not expired")
        voucher["expired"] = True
        return self.DONE, self.returned(command["voucher"], "expired")

    def returned(self, name, where):
        """The rest that is not held goes back to the funding line."""
        line, rest = self.vouchers[name]["line"], self.available(f"grant:{name}")
        return [(f"grant:{name}", f"{where}:{line}", rest, "Post")] if line is not None and rest > 0 else []

    def pays(self, voucher, at):
        return (voucher["state"] == "Active" and not voucher["expired"] and voucher["from"] <= at
                and (voucher["until"] is None or at < voucher["until"]))

    # Holds.

    def command_Admit(self, command, at):
        admission, hold = command["admission"], command["hold"]
        key, path = attempt_key(admission["key"]), admission["path"]
        require(number(command["epoch"]) == self.epoch, "it was decided by another leader than the one in force")
        last = self.last_attempt.get(key[:2], -1)
        require(key[0] not in self.gone, f"job {key[0]} was settled and forgotten before and is admitted again")
        require(key[2] > last, f"attempt {key[2]} of {key[0]} was decided before")
        funded = (it for it in path if any(self.pays(v, at) for v in self.own_funds.get(it, ())))
        require(hold["own_account"] == next(funded, None), "its own money is somebody else's")
        attempt = Attempt(command, at, self.rates(admission, hold, at))
        top, walltime = attempt.rates.highest(seconds(at), attempt.walltime // NANOS), attempt.walltime // NANOS
        rate, divisor = attempt.milli * attempt.rates.price * top, attempt.rates.divisor
        total = -(-rate * walltime // divisor)
        require(attempt.held == total, f"{attempt.held} is held, walltime x highest rate is {total}")
        reached, own, legs = 0, 0, []
        for index, it in enumerate(attempt.slices):
            granted, copay = it.split(it.base)
            reached, own = reached + it.base, own + copay
            if it.voucher is None:
                require(index == len(attempt.slices) - 1 and it.until is None, "own money doesn't pay last, or ends")
                continue
            self.check_slice(it, granted, [other.voucher for other in attempt.slices[:index]], command, at)
            if it.until is not None and seconds(it.until) - seconds(at) < walltime:
                limit = max(0, seconds(it.until) - seconds(at)) * rate // divisor
                require(reached <= limit, f"{it.voucher} holds for use after its expiry")
            legs.append((f"grant:{it.voucher}", attempt.provider, granted, "Hold"))
            self.count(it.voucher, attempt, granted)
        if own:
            require(attempt.own is not None, "nobody's own money would pay")
            legs.append((f"budget:{attempt.own}", attempt.provider, own, "Hold"))
        self.open[key] = attempt
        self.last_attempt[key[:2]] = key[2]
        return {"Admitted": {"held": str(total)}}, legs

    def rates(self, admission, hold, at):
        """The rates by the price book in effect; they must be those that the hold recorded."""
        path, provider = admission["path"], hold["provider"]
        require(path, "it has no path to the root")
        own_pool = provider in path and provider != path[-1]
        require(hold["own_pool"] == own_pool, "whose pool it is does not follow from owner and path")
        if own_pool:
            same(hold["price_book"], None, "price book of an own pool")
            same(hold["rates"], {"bands": [], "per_unit_hour": "0"}, "rates of an own pool")
            return Rates(0, [])
        sold = (admission["pool"], hold["price_tier"])
        found = [(stamp(book["effective_from"]), name, number(price["per_unit_hour"]), book["bands"])
                 for name, book in self.prices.items() for price in book["prices"]
                 if (price["pool"], price["tier"]) == sold and stamp(book["effective_from"]) <= at]
        require(found, f"no price is in effect for pool {sold[0]}, tier {sold[1]}")
        _, name, price, bands = max(found, key=lambda it: it[:2])
        same(hold["price_book"], name, "price book")
        same(hold["rates"], {"bands": bands, "per_unit_hour": str(price)}, "rates")
        return Rates(price, bands)

    def check_slice(self, it, granted, earlier, command, at):
        name, voucher = it.voucher, self.voucher(it.voucher)
        admission, provider, path = command["admission"], command["hold"]["provider"], command["admission"]["path"]
        scope = voucher["grant"]["scope"]
        require(name not in earlier, f"{name} pays twice")
        require(self.pays(voucher, at) and not voucher["own"], f"{name} may not pay now")
        require(voucher["holder"] in path, f"{name} is held by nobody on the path")
        require(voucher["holder"] != provider or path[-1] == provider, f"{name} pays its own holder")
        for asked, allowed in ((admission["pool"], scope["pools"]), (admission["class"], scope["classes"])):
            require(not allowed or asked in allowed, f"{name} is not for {asked}")
        require((it.coverage, it.until) == (voucher["coverage"], voucher["until"]), f"{name} has other terms")
        require(granted > 0, f"{name} pays nothing")
        for cap, used in (("per_job", admission["key"]["job"]), ("per_month", month(at))):
            limit = voucher["caps"][cap]
            require(limit is None or voucher["used"][cap, used] + granted <= limit, f"{name} pays above its cap")

    def count(self, name, attempt, amount):
        """What a voucher pays, held or charged, counts against its caps."""
        used, caps = self.vouchers[name]["used"], self.vouchers[name]["caps"]
        for cap, of in (("per_job", attempt.job), ("per_month", attempt.month)):
            if caps[cap] is not None:
                used[cap, of] += amount

    # Charges.

    def attempt(self, command):
        key = attempt_key(command["key"])
        require(key in self.open, f"attempt {key_text(key)} is not open")
        return self.open[key]

    def command_Capture(self, command, _at):
        attempt, until = self.attempt(command), stamp(command["until"])
        require(attempt.started is not None, "it has not started")
        after = attempt.started if attempt.charged_until is None else attempt.charged_until
        require(after < until <= attempt.confirmed, "it charges what is charged already or not confirmed")
        end = self.charge_end(attempt, attempt.started, until)
        charged, _, _, legs = self.settle(attempt, attempt.started, end, False)
        attempt.charged_until = until
        used = max(0, seconds(end) - seconds(after))
        return {"Captured": {"charged": str(charged), "seconds": str(used)}}, legs

    def command_End(self, command, _at):
        attempt, before = self.attempt(command), self.attempt(command).charged()
        begun = attempt.started if attempt.started is not None else maybe(stamp, command["started"])
        start = end = None
        if begun is not None:
            last = [it for it in (maybe(stamp, command["ended"]), attempt.confirmed, begun) if it is not None][0]
            start, end = begun, self.charge_end(attempt, begun, last)
        charged, refunded, released, legs = self.settle(attempt, start or 0, end or 0, True)
        after = start if attempt.charged_until is None else attempt.charged_until
        used = lambda since: 0 if start is None else max(0, seconds(end) - seconds(since))
        total = before + charged - refunded
        require(0 <= total <= attempt.held, f"{total} is charged, {attempt.held} was held")
        del self.open[attempt_key(command["key"])]
        self.settled += 1
        text = lambda value: None if value is None else str(value)
        return {"Settled": {
            "started": text(start), "ended": text(end), "seconds": str(used(start)), "charged": str(total),
            "last_charged": str(charged), "last_seconds": str(used(after)), "refunded": str(refunded),
            "released": str(released),
        }}, legs

    @staticmethod
    def charge_end(attempt, started, until):
        return max(min(until, started + attempt.walltime), started)

    def settle(self, attempt, start, end, finish):
        """Moves what use in [start, end) costs beside what was charged before; releases what ended."""
        legs, own, sums = [], [0, 0, 0], [0, 0, 0]
        for it, new in zip(attempt.slices, attempt.allotted(seconds(start), seconds(end))):
            if it.closed:
                new = min(new, it.paid)
            over = it.until is not None and it.until <= end
            release = not it.closed and (finish or over)
            parts = zip(it.split(it.base), it.split(it.paid), it.split(new))
            granted, copay = [
                [max(0, n - old), max(0, old - n), held - max(old, n) if release else 0] for held, old, n in parts
            ]
            if it.voucher is not None:
                legs += self.moves(f"grant:{it.voucher}", attempt.provider, granted)
                freed = granted[1] + granted[2]
                legs += self.swept(it.voucher, freed)
                self.count(it.voucher, attempt, -freed)
            own = [a + b for a, b in zip(own, copay)]
            sums = [a + b + c for a, b, c in zip(sums, granted, copay)]
            it.paid, it.closed = new, it.closed or over
        if attempt.own is not None:
            legs += self.moves(f"budget:{attempt.own}", attempt.provider, own)
        return (*sums, legs)

    @staticmethod
    def moves(payer, provider, parts):
        captured, refunded, released = parts
        legs = [(payer, provider, captured, "Capture"), (provider, payer, refunded, "Post"),
                (payer, provider, released, "Release")]
        return [leg for leg in legs if leg[2] > 0]

    def swept(self, name, freed):
        """What comes back to a voucher that is over goes on to its funding line."""
        voucher = self.vouchers[name]
        where = "revoked" if voucher["state"] == "Revoked" else "expired" if voucher["expired"] else None
        if freed <= 0 or where is None or voucher["line"] is None:
            return []
        return [(f"grant:{name}", f"{where}:{voucher['line']}", freed, "Post")]

    def check_balances(self):
        """Every movement has two sides, so both sides have one sum; what is held is held for somebody."""
        sums = [sum(counters[side] for counters in self.accounts.values()) for side in range(4)]
        require(sums[0] == sums[2] and sums[1] == sums[3], "debits and credits differ")
        held = sum(it.base - it.paid for a in self.open.values() for it in a.slices if not it.closed)
        require(sums[1] == held, f"{sums[1]} is set aside, open attempts hold {held}")


def one(tagged):
    require(isinstance(tagged, dict) and len(tagged) == 1, "a command is not one object with one key")
    return next(iter(tagged.items()))


def same(written, reckoned, what):
    require(written == reckoned, f"its {what} {short(written)} should be {short(reckoned)}")


def short(value):
    text = canonical(value).decode()
    return text if len(text) <= 600 else text[:600] + "..."


def of_key(command):
    return key_text(attempt_key(command["key"]))


def of_nodes(command):
    nodes = [f"{role['role']}={node}*{count}" for role in command["placement"] for node, count in role["nodes"]]
    return of_key(command) + "/" + ",".join(nodes)


# What each command is about: its id is the start of SHA-256(verb, line feed, this).
SUBJECTS = {
    "Open": lambda it: "",
    "Epoch": lambda it: it["epoch"],
    "FundingLine": lambda it: it["name"],
    "PriceBook": lambda it: it["name"],
    "Grant": lambda it: it["voucher"],
    "VoucherState": lambda it: f"{it['voucher']}/{it['change']}",
    "Expire": lambda it: it["voucher"],
    "Admit": lambda it: key_text(attempt_key(it["admission"]["key"])),
    "Bound": of_nodes,
    "Started": of_key,
    "Alive": lambda it: it["at"],
    "Capture": lambda it: f"{of_key(it)}/{it['until']}",
    "Stop": of_key,
    "End": of_key,
    "Owned": lambda it: it["at"],
    "Rebase": lambda it: it["at"],
    "Moved": lambda it: it["epoch"],
    "Forget": lambda it: it["at"],
}


# --- the command line -----------------------------------------------------------------------


def check(file, tell):
    """The books of an open file; at the first entry that is wrong, Wrong names it."""
    books = Books()
    while True:
        line = file.readline(LINE_BYTES_MAX + 1)
        if not line:
            break
        try:
            books.read(line)
        except Wrong as wrong:
            raise Wrong(f"entry {books.entries}: {wrong}") from None
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, OverflowError) as error:
            what = f"its body is not an entry as documented ({type(error).__name__}: {error})"
            raise Wrong(f"entry {books.entries}: {what}") from None
        if books.entries % 5000 == 0:
            tell(books.entries)
    try:
        books.check_balances()
    except Wrong as wrong:
        raise Wrong(f"after entry {books.entries - 1}: {wrong}") from None
    return books


def yuan(micro):
    return f"{micro // 10**6}.{micro % 10**6:06}"


def tell(entries):
    if sys.stderr.isatty():
        print(f"\r{entries} entries are sound so far", end="", file=sys.stderr, flush=True)


def verdict(path, head, balances):
    """Checks one file and says what was found; returns the exit code."""
    name = f"{path}: "
    clear = "\r\x1b[K" if sys.stderr.isatty() else ""
    try:
        with sys.stdin.buffer if path == "-" else open(path, "rb") as file:
            books = check(file, tell)
        found = books.head.hex() if books.head else ""
        if head not in (None, found):
            raise Wrong(f"the last entry has hash {found}, published was {head}: entries are missing, or others")
    except OSError as error:
        print(f"{name}{error}", file=sys.stderr)
        return 2
    except Wrong as wrong:
        print(f"{clear}{name}DAMAGED: {wrong}", file=sys.stderr)
        return 1
    print(clear, end="", file=sys.stderr)
    if books.opening is None:
        print(f"{name}holds no entry")
        return 0
    if balances:
        moved = {account: counters for account, counters in books.accounts.items() if any(counters)}
        for account, counters in sorted(moved.items()):
            print("{}: out {}, set aside {}, in {}, to come {}".format(account, *map(yuan, counters)))
    print(f"{name}sound: book {books.opening['book']}, {books.entries} entries, epoch {books.epoch}, "
          f"{books.settled} attempts settled, {len(books.open)} open, head {found}")
    return 0


def main():
    parser = argparse.ArgumentParser(description="Checks the exported books of EduGrid.")
    parser.add_argument("files", nargs="+", metavar="FILE", help="an export; - for standard input")
    parser.add_argument("--head", metavar="HASH", help="the published hash that the last entry must have")
    parser.add_argument("--balances", action="store_true", help="print every account's counters, in yuan")
    asked = parser.parse_args()
    return max(verdict(path, asked.head, asked.balances) for path in asked.files)


if __name__ == "__main__":
    sys.exit(main())
