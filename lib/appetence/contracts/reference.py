"""The reference schema: who takes part, under which terms, and public statistics."""

from appetence.contracts.base import BOOLEAN, DATE, DOUBLE, INT, LONG, STRING, STRINGS, Table, field


class Programme(Table):
    """One row per programme of the co-operative."""

    schema, name, owner = "reference", "programme", "reference"
    programme_id = field(STRING, "alliance, conex_plus or conex_partner.", required=True)
    label = field(STRING, "The name campaign teams use.", required=True)
    source_mention = field(STRING, "The sentence a post or e-mail export carries, with {reference} where the opaque reference goes.", required=True)
    key = (programme_id,)


class Member(Table):
    """One row per member company: a controller that supplies data."""

    schema, name, owner = "reference", "member", "reference"
    member_id = field(STRING, "Short stable id of the member.", required=True)
    label = field(STRING, "Company name.", required=True)
    sector = field(STRING, "One of the eleven member sectors.", required=True)
    programmes = field(STRINGS, "Programmes the member belongs to.", required=True)
    is_active = field(BOOLEAN, "False once the member has left.", required=True)
    key = (member_id,)


class Recipient(Table):
    """One row per company a selection may be handed to, a member or a third party."""

    schema, name, owner = "reference", "recipient", "reference"
    recipient_id = field(STRING, "Short stable id of the recipient.", required=True)
    label = field(STRING, "Company name.", required=True)
    sector = field(STRING, "One of the eighteen recipient sectors.", required=True)
    member_id = field(STRING, "The member this recipient is, if it is one.")
    country = field(STRING, "ISO country of the recipient.", required=True)
    safeguard = field(STRING, "What makes a transfer outside the EEA lawful; empty inside.")
    key = (recipient_id,)


class SectorCrosswalk(Table):
    """One row per pair of member sector and recipient sector that stand for the same trade."""

    schema, name, owner = "reference", "sector_crosswalk", "reference"
    member_sector = field(STRING, "Sector of members.", required=True)
    recipient_sector = field(STRING, "Sector of recipients.", required=True)
    key = (member_sector, recipient_sector)


class Instruction(Table):
    """One row per signed instruction of a member: what its data may serve."""

    schema, name, owner = "reference", "instruction", "reference"
    instruction_id = field(STRING, "Id of the signed document.", required=True)
    member_id = field(STRING, "The member that instructs.", required=True)
    signed_on = field(DATE, "Day of signature.", required=True)
    valid_from = field(DATE, "First day it holds.", required=True)
    valid_to = field(DATE, "Last day it holds; null: until replaced.")
    purposes = field(STRINGS, "commercial, caritative, etude.", required=True)
    uses = field(STRINGS, "prospect, house, enrich, improve.", required=True)
    channels = field(STRINGS, "post, email, phone, sms.", required=True)
    recipient_sectors_allowed = field(STRINGS, "Recipient sectors served; empty: all.", required=True)
    recipient_sectors_refused = field(STRINGS, "Recipient sectors never served.", required=True)
    retention_months = field(INT, "Months after the last transaction with this member.", required=True)
    adults_only = field(BOOLEAN, "The member states that it sells to adults only.", required=True)
    notice_covers_charity_electronic = field(BOOLEAN, "The member's notice announces charity appeals by e-mail, SMS and phone.", required=True)
    enrich_attributes = field(STRINGS, "What enrichments of other members' files may learn; empty or null: nothing.")
    key = (instruction_id,)


class Exclusion(Table):
    """One row per unordered pair of competitors: neither's data serve the other."""

    schema, name, owner = "reference", "exclusion", "reference"
    party_a = field(STRING, "Member or recipient id, the lower of the two.", required=True)
    party_b = field(STRING, "Member or recipient id, the higher of the two.", required=True)
    key = (party_a, party_b)
    checks = {"ordered": "party_a < party_b"}


class LawRule(Table):
    """One row per channel, purpose and period: the bases that allow a contact, as data."""

    schema, name, owner = "reference", "law_rule", "reference"
    rule_id = field(STRING, "Readable id.", required=True)
    channel = field(STRING, "post, email, phone, sms.", required=True)
    purpose = field(STRING, "commercial, caritative.", required=True)
    valid_from = field(DATE, "First drop date it governs.", required=True)
    valid_to = field(DATE, "Last drop date it governs; null: open.")
    bases = field(STRINGS, "Bases that suffice.", required=True)
    house_bases = field(STRINGS, "Bases that suffice in house selections only.", required=True)
    names_recipient = field(BOOLEAN, "The consent must name the recipient or its list and version.", required=True)
    needs_notice = field(BOOLEAN, "The supplier's notice must announce it.", required=True)
    external_lists = field(STRINGS, "External opposition lists that apply.", required=True)
    source = field(STRING, "Article or our own stricter choice.", required=True)
    key = (rule_id,)


class Commune(Table):
    """One row per commune and postcode, former and delegated communes included."""

    schema, name, owner = "reference", "commune", "reference"
    commune_code = field(STRING, "INSEE code.", required=True)
    postcode = field(STRING, "A postcode of the commune; empty for former communes without one.", required=True)
    label = field(STRING, "Official name.", required=True)
    label_key = field(STRING, "Name folded for comparison.", required=True)
    department = field(STRING, "Department code.", required=True)
    region = field(STRING, "Region code.", required=True)
    population = field(LONG, "Legal population of the whole commune.")
    latitude = field(DOUBLE, "Degrees, of the centre.")
    longitude = field(DOUBLE, "Degrees, of the centre.")
    current_code = field(STRING, "The commune that holds this one today.", required=True)
    key = (commune_code, postcode)


class Area(Table):
    """One row per statistical area (commune; IRIS and square when supplied) with public facts; none for fewer than 11 households."""

    schema, name, owner = "reference", "area", "enrichment"
    area_code = field(STRING, "INSEE code of the area.", required=True)
    level = field(STRING, "commune, iris or square.", required=True)
    population = field(LONG, "Legal population of a commune; persons counted in a square.")
    households = field(LONG, "Households, where the operator's file counts them.")
    size_class = field(STRING, "rural, bourg, petite_ville, ville, grande_ville, metropole.")
    median_income_eur = field(INT, "Median income per consumption unit, euros a year, when the operator supplies Filosofi.")
    mean_income_eur = field(INT, "Mean income per consumption unit, euros a year, of a square: its median is not published.")
    poverty_rate = field(DOUBLE, "Share under the 60 % line, when supplied: of persons, in a square of households.")
    key = (area_code, level)
    checks = {"households": "households is null or households >= 11"}


class FirstName(Table):
    """One row per first name, gender and birth decade: how many per million bear it."""

    schema, name, owner = "reference", "first_name", "reference"
    first_name = field(STRING, "Folded first name.", required=True)
    gender = field(STRING, "F or M.", required=True)
    decade = field(INT, "First year of the decade of birth.", required=True)
    per_million = field(DOUBLE, "Bearers per million births of that gender and decade.", required=True)
    key = (first_name, gender, decade)
