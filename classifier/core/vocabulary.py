"""The words people use in their own tables: headers and statuses in four languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from classifier.core.application import FIELDS, Status
from classifier.core.names import squeeze

_HEADERS: Mapping[str, str] = {
    "company": """company, company name, employer, organisation, organization, firm, business, where,
        firma, unternehmen, arbeitgeber, entreprise, société, employeur, empresa, compañía, empleador""",
    "role": """role, position, title, job title, job, post, vacancy, role title, position title, stelle,
        position/stelle, jobtitel, titel, berufsbezeichnung, poste, intitulé du poste, puesto, cargo, vacante""",
    "status": """status, stage, state, application status, current status, outcome, result, response, stand,
        bewerbungsstatus, phase, statut, état, étape, estado, etapa, situación""",
    "applied_on": """applied on, applied, date applied, application date, date of application, applied date,
        date, sent, sent on, submitted, beworben am, bewerbungsdatum, datum, bewerbung am, date de candidature,
        postulé le, candidature le, fecha, fecha de solicitud, fecha de candidatura""",
    "updated_on": """updated on, updated, last update, last updated, last contact, status date, response date,
        aktualisiert, aktualisiert am, letzte änderung, letzter kontakt, mis à jour, mise à jour, maj,
        dernière mise à jour, actualizado, última actualización, actualizado el""",
    "next_step": """next step, next steps, next, next action, todo, to do, action, nächster schritt, nächste schritte,
        prochaine étape, próximo paso, siguiente paso""",
    "next_step_on": """next step on, next step date, next date, due, due date, deadline, interview date, follow up date,
        nächster termin, termin, frist, date prochaine étape, échéance, fecha próximo paso, fecha límite""",
    "source": """source, found on, found via, platform, job board, where found, channel, quelle, gefunden über,
        origine, trouvé sur, fuente, origen, plataforma""",
    "link": "link, url, job link, posting, job posting, website, web, anzeige, stellenanzeige, lien, annonce, enlace",
    "contact": """contact, contact person, recruiter, hiring manager, contact name, kontakt, ansprechpartner,
        ansprechpartnerin, contacto, persona de contacto, interlocuteur""",
    "notes": "notes, note, comments, comment, remarks, notizen, notiz, bemerkung, bemerkungen, commentaire, commentaires, remarques, notas, comentarios, observaciones",
}
_STATUSES: Mapping[Status, str] = {
    Status.APPLIED: """applied, sent, submitted, pending, waiting, open, in progress, in review, under review, received,
        application sent, active, awaiting response, awaiting reply, beworben, offen, gesendet, verschickt, wartend, laufend,
        in bearbeitung, eingegangen, postulé, postulée, envoyé, envoyée, en attente, en cours, candidature envoyée,
        enviado, enviada, pendiente, solicitado, en proceso, en espera, postulado""",
    Status.ASSESSMENT: """assessment, test, coding test, coding challenge, challenge, task, take home, take-home, exercise,
        aufgabe, einstellungstest, online test, épreuve, exercice, test technique, prueba, prueba técnica, evaluación""",
    Status.INTERVIEW: """interview, interviewing, interviews, phone screen, screening, phone interview, first interview,
        second interview, interview scheduled, final round, onsite, on site, gespräch, vorstellungsgespräch, einladung,
        eingeladen, telefoninterview, entretien, entretiens, entrevista, entrevistas""",
    Status.OFFER: "offer, offered, offer received, job offer, angebot, zusage, offre, proposition, oferta",
    Status.ACCEPTED: "accepted, hired, signed, offer accepted, angenommen, unterschrieben, eingestellt, accepté, acceptée, embauché, aceptado, aceptada, contratado",
    Status.REJECTED: """rejected, rejection, declined, refused, no, denied, turned down, unsuccessful, not selected, closed,
        abgelehnt, absage, abgesagt, refus, refusé, refusée, rejeté, rejetée, rechazado, rechazada, descartado, denegado""",
    Status.NO_REPLY: """no reply, no_reply, no response, no answer, ghosted, silence, keine antwort, keine rückmeldung,
        sans réponse, pas de réponse, sin respuesta""",
    Status.WITHDRAWN: "withdrawn, withdrew, i withdrew, cancelled by me, zurückgezogen, retiré, retirée, retirado, retirada",
}


def _index(words: Mapping[str, str]) -> dict[str, str]:
    return {squeeze(word): key for key, listed in words.items() for word in listed.split(",")}


_FIELD_OF = _index(_HEADERS) | {squeeze(field): field for field in FIELDS}
_STATUS_OF = _index({str(status): words for status, words in _STATUSES.items()})


def recognise_columns(header: Sequence[str], mapped: Mapping[str, str]) -> dict[str, int]:
    """Which column holds which field: field → index of the column.

    `mapped` (field → their header) comes first; then a header that is the field's own
    name, then the known words from left to right. No column serves two fields.
    """
    columns: dict[str, int] = {}
    squeezed = [squeeze(title) for title in header]
    for field, title in mapped.items():
        if title in header:
            columns[field] = header.index(title)
        elif squeeze(title) in squeezed:
            columns[field] = squeezed.index(squeeze(title))
    for field in FIELDS:
        if field not in columns and squeeze(field) in squeezed:
            columns[field] = squeezed.index(squeeze(field))
    for index, title in enumerate(squeezed):
        field = _FIELD_OF.get(title, "")
        if field and field not in columns and index not in columns.values():
            columns[field] = index
    return columns


def read_status(text: str, mapped: Mapping[str, str]) -> Status | None:
    """What a status cell means: the person's own mapping first, then the known words."""
    key = squeeze(text)
    if not key:
        return None
    for status, word in mapped.items():
        if squeeze(word) == key and word.strip().casefold() == text.strip().casefold():
            return Status(status)
    for status, word in mapped.items():
        if squeeze(word) == key:
            return Status(status)
    known = _STATUS_OF.get(key)
    return Status(known) if known else None


def status_words(texts: Iterable[str], mapped: Mapping[str, str]) -> dict[Status, str]:
    """The word to write for each status: as mapped, else as the table itself has it most."""
    used: dict[Status, Counter[str]] = {}
    for text in texts:
        status = read_status(text, mapped)
        if status is not None:
            used.setdefault(status, Counter())[text.strip()] += 1
    words = {status: counts.most_common(1)[0][0] for status, counts in used.items()}
    return words | {Status(status): word for status, word in mapped.items()}
