"""The words of an access answer, in French: persons read it. Tables are called by what they are about, not by their names."""

from __future__ import annotations

HEADINGS = {
    "purposes": "Pourquoi ces données sont utilisées",
    "sources": "Qui nous les a transmises",
    "recipients": "À qui elles ont été communiquées",
    "retention": "Combien de temps elles sont conservées",
    "your_rights": "Vos droits",
    "suppression": "Liste d'opposition",
    "scores": "Scores",
}
"""What article 15 asks besides the data, in the order of the page."""

TITLES = {
    "bronze.raw_permission": "Consentements et oppositions, tels que transmis",
    "bronze.raw_record": "Vos coordonnées, telles que transmises",
    "bronze.raw_transaction": "Achats et dons, tels que transmis",
    "bronze.reject": "Lignes ou valeurs reçues mais non retenues",
    "gold.decision": "Pour chaque campagne : retenu ou non, et pourquoi",
    "gold.export_line": "Fichiers de campagne où vous figurez",
    "gold.feature": "Résumés de votre historique d'achats et de dons",
    "gold.feedback": "Ce que les prestataires nous ont signalé d'un envoi",
    "gold.response": "Réponses rattachées à une campagne",
    "gold.score": "Scores calculés, et leurs raisons",
    "gold.segment": "Segments et données déduites",
    "gold.selection": "Campagnes pour lesquelles vous avez été sélectionné",
    "identity.block_key": "Empreintes par lesquelles vos fiches sont comparées",
    "identity.household_link": "Rattachement à un foyer",
    "identity.identity_event": "Historique du rattachement de vos fiches",
    "identity.member_household": "Identifiants de votre foyer propres à chaque membre",
    "identity.member_person": "Vos identifiants propres à chaque membre",
    "identity.person": "Votre fiche, toutes sources réunies",
    "identity.person_link": "Rattachement de vos fiches à votre personne",
    "identity.resolved_record": "Empreintes de vos fiches, pour ne comparer que ce qui change",
    "privacy.correction": "Corrections faites à votre demande",
    "privacy.death": "Rapprochement avec le fichier officiel des décès",
    "privacy.directive": "Directives après la mort",
    "privacy.limitation": "Fiches gelées à votre demande",
    "privacy.profiling_objection": "Opposition au profilage",
    "privacy.refusal": "Oppositions et retraits que vous nous avez adressés",
    "silver.permission": "Ce que vous permettez aujourd'hui",
    "silver.permission_event": "Chaque consentement, retrait ou opposition, et sa preuve",
    "silver.record": "Vos coordonnées, mises en forme",
    "silver.transaction": "Achats, dons et remboursements",
}
"""Every table that holds something about a person."""

KEPT = {
    "gold.campaign_file": "Empreintes des fichiers d'exclusion d'une campagne, détruites à date fixe",
    "gold.count_shown": "Comptages seulement",
    "ops.audit": "Journal d'audit, par empreintes",
    "ops.run": "Comptages des traitements",
    "privacy.erased_record": "Empreinte de la fiche effacée, pour qu'elle ne revienne pas",
    "privacy.erasure_certificate": "Preuve de l'effacement",
    "privacy.external_list": "Empreintes de listes d'opposition externes",
    "privacy.retention_run": "Comptages des durées de conservation",
    "privacy.rights_decision": "Décisions prises sur la demande, sans coordonnées",
    "privacy.rights_notice": "Destinataires avertis, sans coordonnées",
    "privacy.rights_request": "La demande elle-même, sans coordonnées",
    "privacy.rights_task": "Responsables informés, sans coordonnées",
    "privacy.suppression": "Empreintes de la liste d'opposition, pour que vous ne soyez plus contacté",
}
"""Every table that survives an erasure, and why."""

PURPOSES = (
    "Sélectionner les personnes que les membres et leurs partenaires peuvent licitement contacter, sur instruction des membres",
    "Mesurer les réponses",
    "Respecter vos droits",
)
YOUR_RIGHTS = (
    "Rectification, effacement, limitation, opposition (y compris au profilage), portabilité, retrait du consentement, directives après la mort",
    "Réclamation auprès de la CNIL (www.cnil.fr)",
)
SCORES = "Les scores classent la probabilité d'un achat ou d'un don ; aucune décision ayant un effet juridique n'en dépend."
NO_RECIPIENT = "À personne à ce jour."
ROLES = {"client": "pour ses campagnes", "router": "prestataire d'envoi ou d'appels"}


def retention(months: int) -> str:
    """How long a member's part is kept.

    >>> retention(36)
    '36 mois après la dernière opération'
    """
    return f"{months} mois après la dernière opération"


def suppression(entries: int) -> str:
    """How many entries of the suppression list answer to a person's coordinates.

    >>> suppression(1)
    '1 empreinte de la liste correspond à vos coordonnées.'
    """
    many = entries > 1
    return f"{entries} empreinte{'s' if many else ''} de la liste correspond{'ent' if many else ''} à vos coordonnées."
