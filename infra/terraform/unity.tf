# Unity Catalog. The region's metastore belongs to the account and is attached to a new workspace by Azure Databricks itself.

locals {
  schemas = {
    reference = "Who takes part and which rules hold: members, recipients, instructions, exclusions, law, public statistics."
    bronze    = "What members delivered, as delivered."
    silver    = "Standardised records, transactions and permissions."
    identity  = "Persons, households and the links to their records."
    gold      = "Features, scores, selections, exports, responses and statements."
    privacy   = "Suppressions, rights, erasures and retention."
    ops       = "Runs and the audit chain."
  }
}

resource "databricks_storage_credential" "lake" {
  name           = "${local.name}-lake"
  comment        = "The lake's managed identity."
  isolation_mode = "ISOLATION_MODE_ISOLATED"

  azure_managed_identity {
    access_connector_id = azurerm_databricks_access_connector.main.id
    managed_identity_id = azurerm_user_assigned_identity.lake.id
  }

  depends_on = [azurerm_role_assignment.lake]
}

resource "databricks_external_location" "main" {
  for_each = local.containers

  name            = "${local.name}-${each.key}"
  url             = "abfss://${azurerm_storage_container.main[each.key].name}@${azurerm_storage_account.lake.primary_dfs_host}/"
  credential_name = databricks_storage_credential.lake.name
  comment         = each.value
  isolation_mode  = "ISOLATION_MODE_ISOLATED"
}

resource "databricks_catalog" "main" {
  name           = var.catalog
  comment        = "The co-operative's lake, ${var.environment}."
  storage_root   = databricks_external_location.main["lake"].url
  isolation_mode = "ISOLATED"

  # The jobs compact and vacuum at hours they choose: an erasure counts the versions that it purged.
  enable_predictive_optimization = "DISABLE"
}

resource "databricks_schema" "main" {
  for_each = local.schemas

  catalog_name = databricks_catalog.main.name
  name         = each.key
  comment      = each.value
}

# Files the jobs read and write as files.
resource "databricks_volume" "exchange" {
  for_each = toset(local.exchange)

  catalog_name     = databricks_catalog.main.name
  schema_name      = databricks_schema.main["ops"].name
  name             = each.key
  volume_type      = "EXTERNAL"
  storage_location = databricks_external_location.main[each.key].url
  comment          = local.containers[each.key]
}

# What the jobs keep beside the tables: keyring, reports, locks.
resource "databricks_volume" "work" {
  catalog_name = databricks_catalog.main.name
  schema_name  = databricks_schema.main["ops"].name
  name         = "work"
  volume_type  = "MANAGED"
  comment      = "The operator's keyring, reports and locks; the jobs' own."
}
