# SPDX-License-Identifier: MIT
"""What a guest fills in, checked."""

from datetime import datetime

FIELDS = ("guest", "email", "guests", "arrival", "departure", "note")
MOST_NIGHTS = 30


def _date(text):
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        return None


def _number(text):
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _dates_error(arrival, departure, today):
    if arrival is None:
        return "arrival", "Please choose the day you arrive."
    if departure is None:
        return "departure", "Please choose the day you leave."
    if arrival < today:
        return "arrival", "That day has passed."
    if departure <= arrival:
        return "departure", "You leave before you arrive: one night at least, please."
    if (departure - arrival).days > MOST_NIGHTS:
        return "departure", f"For more than {MOST_NIGHTS} nights, please write to us."
    return None


def read_stay(form, beds, today):
    """Returns the stay and the errors, both by field name."""
    text = {name: form.get(name, "").strip() for name in FIELDS}
    stay = {**text, "guests": _number(text["guests"])}
    errors = {}

    if not 2 <= len(text["guest"]) <= 80:
        errors["guest"] = "Please tell us your name."
    name, at, domain = text["email"].partition("@")
    if not (name and at and "." in domain) or len(text["email"]) > 120 or " " in text["email"]:
        errors["email"] = "This does not look like an e-mail address."
    if not 1 <= stay["guests"] <= beds:
        errors["guests"] = f"This room sleeps {beds}." if beds > 1 else "This room sleeps one."
    if len(text["note"]) > 500:
        errors["note"] = "Please keep it under 500 characters."
    arrival, departure = _date(text["arrival"]), _date(text["departure"])
    wrong = _dates_error(arrival, departure, today)
    if wrong:
        errors[wrong[0]] = wrong[1]
    else:
        stay.update(arrival=arrival.isoformat(), departure=departure.isoformat())
    return stay, errors
