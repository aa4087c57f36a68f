"""Invented mail that the model is sure about, so that the tests are about the pipeline alone."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from classifier.sample.server import SampleMail

REJECTION = """\
Dear Sam,

Thank you for applying for the {role} position at {company}, and for your patience.

Unfortunately, after careful consideration we have decided not to move forward with your
application. We have chosen to proceed with other candidates whose experience more closely
matches what we need for this role.

We are sorry to disappoint you and wish you every success in your job search.

Kind regards,
The {company} Recruitment Team
"""
INTERVIEW = """\
Hi Sam,

Thank you for your application for the {role} role at {company}. We liked what we read and
would like to invite you to an interview with our team.

Would you be available for a 45 minute video call next week? Please let me know which days
and times suit you, and I will send you a calendar invitation.

We look forward to speaking with you,
Robin, {company}
"""
RECEIVED = """\
Dear Sam,

Thank you for applying for the {role} position at {company}. We have received your
application and our hiring team will review it carefully.

If your profile matches our requirements, we will contact you about the next steps.

Kind regards,
The {company} Recruitment Team
"""
OFFER = """\
Dear Sam,

We are delighted to offer you the position of {role} at {company}! Your offer letter and the
contract of employment are attached, with the starting salary and your start date.

Please sign and return the offer letter by Friday to accept the offer. Congratulations, and
welcome to the team!

Kind regards,
Robin, {company}
"""
BILL = """\
Hello Sam,

your electricity bill for this month is ready. The amount of 41.20 will be collected by direct
debit on the 14th. You don't need to do anything.

You can see your meter readings and past bills in your account.

{company} customer service
"""
SALE = """\
This weekend only: 20% off all boots, tents and rain jackets in our shop and online.

Free delivery on orders over 50 pounds. Use the code HEDGEHOG at the checkout.

Unsubscribe from this newsletter at any time.
{company}
"""
LUNCH = """\
are you both coming on sunday? I'll roast the big chicken, and grandma brings her plum cake.
bring the boardgame if you find it, and wellies for the garden

love, mum
"""
SUBJECTS = {
    REJECTION: "Your application for {role} at {company}",
    INTERVIEW: "Invitation to interview: {role} at {company}",
    RECEIVED: "We have received your application: {role} at {company}",
    OFFER: "Your offer: {role} at {company}",
    BILL: "Your electricity bill",
    SALE: "20% off everything this weekend",
    LUNCH: "sunday lunch",
}


def letter(
    text: str,
    company: str,
    role: str = "Data Analyst",
    *,
    at: datetime,
    mail_id: str,
    subject: str | None = None,
    answers: str | None = None,
    sender: Address | str | None = None,
) -> bytes:
    """A mail as its sender would send it; `mail_id` and `answers` are ids without <>."""
    message = EmailMessage(policy=SMTP)
    domain = "".join(sign for sign in company.lower() if sign.isascii() and sign.isalnum())
    message["From"] = sender or Address(company, "jobs", f"{domain or 'nobody'}.example")
    message["To"] = "Sam Rivera <sam@rivera.example>"
    message["Date"] = format_datetime(at)
    message["Subject"] = (
        SUBJECTS[text].format(company=company, role=role) if subject is None else subject
    )
    message["Message-ID"] = f"<{mail_id}>"
    if answers is not None:
        message["In-Reply-To"] = message["References"] = f"<{answers}>"
    message.set_content(text.format(company=company, role=role))
    return message.as_bytes()


def in_folder(raw: bytes, at: datetime, folder: str = "INBOX") -> SampleMail:
    """The mail as it arrived on the server at that time."""
    return SampleMail(folder, raw, at)
