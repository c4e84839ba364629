"""The closed lists of the trade: programmes, sectors, channels, uses, purposes, bases. French where the trade speaks French."""

from enum import StrEnum


class Programme(StrEnum):
    """The three co-operatives a member may belong to."""

    ALLIANCE = "alliance"
    CONEX_PLUS = "conex_plus"
    CONEX_PARTNER = "conex_partner"


class MemberSector(StrEnum):
    """What a member sells (eleven sectors)."""

    EQUIPEMENT_PERSONNE = "equipement_personne"
    EQUIPEMENT_MAISON = "equipement_maison"
    AUTOMOBILE = "automobile"
    PRESSE_EDITION = "presse_edition"
    LOISIRS_VOYAGES = "loisirs_voyages"
    SERVICES = "services"
    GASTRONOMIE_SPIRITUEUX = "gastronomie_spiritueux"
    SANTE_BIEN_ETRE = "sante_bien_etre"
    ASSOCIATION_CARITATIVE = "association_caritative"
    OBJETS_COLLECTION = "objets_collection"
    GADGETS_CADEAUX = "gadgets_cadeaux"


class RecipientSector(StrEnum):
    """What a recipient of a selection does (eighteen sectors; another list than the members')."""

    PRESSE_EDITION = "presse_edition"
    AUTOMOBILE = "automobile"
    BIEN_ETRE_BEAUTE_HYGIENE = "bien_etre_beaute_hygiene"
    CARITATIF = "caritatif"
    ENERGIE = "energie"
    VENTE_A_DISTANCE = "vente_a_distance"
    ETUDES_SONDAGES = "etudes_sondages"
    EQUIPEMENT_PERSONNE = "equipement_personne"
    EQUIPEMENT_FOYER = "equipement_foyer"
    LOISIRS_CULTURE = "loisirs_culture"
    TEXTILE = "textile"
    SERVICES_PERSONNE = "services_personne"
    BANQUE_ASSURANCE = "banque_assurance"
    ALIMENTAIRE = "alimentaire"
    TELEPHONIE_INTERNET = "telephonie_internet"
    VOYAGES = "voyages"
    GADGETS_CADEAUX = "gadgets_cadeaux"
    OBJETS_COLLECTION = "objets_collection"


class Channel(StrEnum):
    """A way to reach a person."""

    POST = "post"
    EMAIL = "email"
    PHONE = "phone"
    SMS = "sms"


class Use(StrEnum):
    """What a permission or an instruction is for; it names the product it serves."""

    PROSPECT = "prospect"
    HOUSE = "house"
    ENRICH = "enrich"
    IMPROVE = "improve"


class Attribute(StrEnum):
    """What an enrichment may add to a client's own line, when the members it comes from grant it."""

    AGE_BAND = "age_band"
    GENDER = "gender"
    HOUSEHOLD_SIZE = "household_size"
    SIZE_CLASS = "size_class"
    DEPARTMENT = "department"
    REGION = "region"
    SEGMENT = "segment"
    SECTOR_AFFINITY = "sector_affinity"


class Purpose(StrEnum):
    """Why a person is contacted."""

    COMMERCIAL = "commercial"
    CARITATIVE = "caritative"
    ETUDE = "etude"


class Basis(StrEnum):
    """The legal basis a permission event rests on."""

    CONSENT = "consent"
    INFORMATION = "information"
    OWN_CUSTOMER = "own_customer"
    CONTRACT = "contract"


class PermissionStatus(StrEnum):
    """What a permission event says."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    OPPOSED = "opposed"


class TransactionKind(StrEnum):
    """An order, a gift (to a charity) or a refund."""

    ORDER = "order"
    GIFT = "gift"
    REFUND = "refund"


class DeliveryMode(StrEnum):
    """A full delivery states everything a member has; an incremental one adds and replaces lines."""

    FULL = "full"
    INCREMENTAL = "incremental"


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    ACCEPTED = "accepted"
    QUARANTINED = "quarantined"


class Block(StrEnum):
    """The files a delivery may hold; nothing else is taken."""

    CUSTOMERS = "customers"
    TRANSACTIONS = "transactions"
    PERMISSIONS = "permissions"


class Reason(StrEnum):
    """The first reason for which a candidate leaves a campaign, in waterfall order."""

    STATUS = "STATUS"
    SUPPRESSED = "SUPPRESSED"
    EXTERNAL_LIST = "EXTERNAL_LIST"
    PERMISSION = "PERMISSION"
    INSTRUCTION = "INSTRUCTION"
    SOURCES = "SOURCES"
    CLIENT_FILE = "CLIENT_FILE"
    DELIVERABLE = "DELIVERABLE"
    CAP = "CAP"
    PRESELECT = "PRESELECT"
    DEDUPLICATE = "DEDUPLICATE"
    BELOW_CUT = "BELOW_CUT"
    CELL = "CELL"


class Right(StrEnum):
    """A right a person may exercise."""

    ACCESS = "access"
    PORTABILITY = "portability"
    RECTIFICATION = "rectification"
    ERASURE = "erasure"
    LIMITATION = "limitation"
    OPPOSITION = "opposition"
    WITHDRAWAL = "withdrawal"
    DIRECTIVE = "directive"


SMALL_COUNT = 11
"""Counts under this are masked in everything a member can see."""

ADULT_AGE = 18
