"""The gold schema, part one: what models read and say."""

from appetence.contracts.base import BOOLEAN, DATE, DOUBLE, INT, LONG, STRING, STRINGS, Personal, Table, field

P = Personal


class Segment(Table):
    """One row per cutoff and person: inferred facts and area facts; an inference never replaces a declared value."""

    schema, name, owner = "gold", "segment", "enrichment"
    cutoff = field(DATE, "As-of date.", required=True)
    person_id = field(STRING, "The person.", required=True)
    gender = field(STRING, "Declared, else inferred from the first name when sure.", personal=P.DERIVED)
    is_gender_inferred = field(BOOLEAN, "It comes from the first name.", required=True, personal=P.DERIVED)
    age = field(INT, "Years at the cutoff: declared, else the expected age of the first name.", personal=P.DERIVED)
    age_low = field(INT, "Lower end of the 80 % interval; the age itself when declared.", personal=P.DERIVED)
    age_high = field(INT, "Upper end.", personal=P.DERIVED)
    is_age_inferred = field(BOOLEAN, "It comes from the first name.", required=True, personal=P.DERIVED)
    age_band = field(STRING, "18-34, 35-49, 50-64, 65-74, 75+, inconnu.", required=True, personal=P.DERIVED)
    household_size = field(INT, "Persons known in the household.", required=True, personal=P.DERIVED)
    size_class = field(STRING, "Size class of the commune.", personal=P.DERIVED)
    department = field(STRING, "Department.", personal=P.DERIVED)
    region = field(STRING, "Region code.", personal=P.DERIVED)
    median_income_eur = field(INT, "Of the area, when known.", personal=P.DERIVED)
    segment = field(STRING, "Readable segment name.", required=True, personal=P.DERIVED)
    cluster = field(STRING, "Name of the socio-demographic cluster; null when neither age nor place is known.", personal=P.DERIVED)
    key = (cutoff, person_id)
    subject = person_id
    partition_by = (cutoff,)


class Cluster(Table):
    """One row per cutoff and socio-demographic cluster: its lasting id, its name, and the means of its persons; none of fewer than 11."""

    schema, name, owner = "gold", "cluster", "enrichment"
    cutoff = field(DATE, "As-of date.", required=True)
    cluster_id = field(STRING, "Lasting id, e.g. c03: the cluster matched with it at the next run keeps it.", required=True)
    label = field(STRING, "Readable name, made by rule from the means; kept while the cluster stays where it is.", required=True)
    persons = field(LONG, "Persons in it.", required=True)
    age = field(DOUBLE, "Mean years, where known.")
    household_size = field(DOUBLE, "Mean persons known in the household, five and more as five.")
    family_share = field(DOUBLE, "Share with declared children or a household of three and more.")
    size_rank = field(DOUBLE, "Mean size class of the commune, 1 rural to 6 metropole.")
    median_income_eur = field(DOUBLE, "Mean of the communes' median incomes, when supplied.")
    poverty_rate = field(DOUBLE, "Mean of the communes' poverty rates, when supplied.")
    key = (cutoff, cluster_id)
    partition_by = (cutoff,)
    checks = {"large_enough": "persons >= 11"}


class Score(Table):
    """One row per model, cutoff and person: calibrated probability, rank, decile and reasons."""

    schema, name, owner = "gold", "score", "propensity"
    written_by = "score_persons"
    model_key = field(STRING, "Product and client, e.g. house:m04 or prospect:m01.", required=True)
    cutoff = field(DATE, "Date of the snapshot scored.", required=True)
    person_id = field(STRING, "The person.", required=True)
    model_version = field(STRING, "Registered model version.", required=True)
    raw_score = field(DOUBLE, "Uncalibrated model output, rounded to 9 digits.", required=True, personal=P.DERIVED)
    probability = field(DOUBLE, "Calibrated, rounded to 9 digits.", required=True, personal=P.DERIVED)
    expected_amount_cents = field(
        LONG,
        "Cents the label window is expected to bring: probability times what a buyer spends; null when the model knows no amounts.",
        personal=P.DERIVED,
    )
    rank = field(LONG, "1 is best; ties by a stable hash.", required=True, personal=P.DERIVED)
    decile = field(INT, "1 is best.", required=True, personal=P.DERIVED)
    reasons = field(STRINGS, "Leading reasons in words, strongest first.", required=True, personal=P.DERIVED)
    key = (model_key, cutoff, person_id)
    subject = person_id
    partition_by = (model_key, cutoff)


class ModelCard(Table):
    """One row per model version trained: what it was trained and tested on, how it did, what the gate said."""

    schema, name, owner = "gold", "model_card", "propensity"
    model_key = field(STRING, "Product and client.", required=True)
    model_version = field(STRING, "Registered version.", required=True)
    trained_on = field(DATE, "As-of date of training.", required=True)
    algorithm = field(STRING, "Family of the fitted model.", required=True)
    train_cutoffs = field(STRINGS, "Cutoffs trained on.", required=True)
    test_cutoff = field(DATE, "Later cutoff tested on.", required=True)
    train_rows = field(LONG, "Rows trained on.", required=True)
    test_rows = field(LONG, "Rows tested on.", required=True)
    test_positives = field(LONG, "Positives tested on.", required=True)
    auc = field(DOUBLE, "On the later period.")
    average_precision = field(DOUBLE, "On the later period.")
    brier = field(DOUBLE, "On the later period.")
    calibration_error = field(DOUBLE, "Expected calibration error, ten bins.")
    top_decile_lift = field(DOUBLE, "Rate of the first decile over the mean.")
    top_fifth_capture = field(DOUBLE, "Share of positives in the first 20 %.")
    baseline_auc = field(DOUBLE, "Best of recency and frequency alone.")
    is_champion = field(BOOLEAN, "The gate let it through.", required=True)
    gate_reason = field(STRING, "What the gate said.", required=True)
    mlflow_run_id = field(STRING, "MLflow run.", required=True)
    key = (model_key, model_version)


class Drift(Table):
    """One row per model, cutoff scored and column read: whether the base still looks like the test period of the model."""

    schema, name, owner = "gold", "drift", "propensity"
    written_by = "score_persons"
    model_key = field(STRING, "Product and client.", required=True)
    cutoff = field(DATE, "Date of the snapshot scored.", required=True)
    subject_column = field(STRING, "A column the model reads.", required=True)
    model_version = field(STRING, "Registered version.", required=True)
    stability_index = field(DOUBLE, "Population stability index against the test period, tenths and a bin for unknown.", required=True)
    chance_index = field(DOUBLE, "The index that chance alone is expected to give.", required=True)
    verdict = field(STRING, "stable, shifted (above 0.1) or drifted (above 0.25), beyond chance.", required=True)
    key = (model_key, cutoff, subject_column)


class Stability(Table):
    """One row per model and cutoff scored: the scores beside the test period, and beside the scoring before."""

    schema, name, owner = "gold", "stability", "propensity"
    written_by = "score_persons"
    model_key = field(STRING, "Product and client.", required=True)
    cutoff = field(DATE, "Date of the snapshot scored.", required=True)
    model_version = field(STRING, "Registered version.", required=True)
    persons = field(LONG, "Persons scored.", required=True)
    mean_probability = field(DOUBLE, "Mean calibrated probability.", required=True)
    tested_mean_probability = field(DOUBLE, "The same in the test period.")
    score_index = field(DOUBLE, "Population stability index of the probability against the test period.")
    verdict = field(STRING, "stable, shifted, drifted, or unknown for a model without a profile.", required=True)
    drifted_columns = field(LONG, "Columns found drifted.")
    previous_cutoff = field(DATE, "The scoring before, when it is kept.")
    newly_scored_share = field(DOUBLE, "Share of the persons that the scoring before did not hold.")
    first_decile_kept_share = field(DOUBLE, "Share of the first decile before that is in it again.")
    first_decile_new_share = field(DOUBLE, "Share of the first decile that was not in it before: names newly served.")
    key = (model_key, cutoff)


class GainsTier(Table):
    """One row per model version and decile of the later test period: what scoring deeper brings."""

    schema, name, owner = "gold", "gains_tier", "propensity"
    model_key = field(STRING, "Product and client.", required=True)
    model_version = field(STRING, "Registered version.", required=True)
    decile = field(INT, "1 is best.", required=True)
    persons = field(LONG, "Persons in the decile.", required=True)
    positives = field(LONG, "Positives among them.", required=True)
    mean_probability = field(DOUBLE, "Mean calibrated probability.", required=True)
    rate = field(DOUBLE, "Observed rate.", required=True)
    lift = field(DOUBLE, "Rate over the mean rate.", required=True)
    lift_low = field(DOUBLE, "Lower end of the 90 % bootstrap interval.", required=True)
    lift_high = field(DOUBLE, "Upper end.", required=True)
    cumulative_capture = field(DOUBLE, "Share of positives down to here.", required=True)
    key = (model_key, model_version, decile)
