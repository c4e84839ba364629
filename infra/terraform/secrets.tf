# Keys and peppers. Their values are generated here and go straight to the vault: write-only arguments keep them out of the state.
# The passphrase and fingerprint of the operator's PGP key are not generated here: an officer brings them with the key (README).

locals {
  # name in the vault -> environment variable of the jobs that may read it
  generated_secrets = merge(
    {
      suppression-pepper = "APPETENCE_SUPPRESSION_PEPPER"
      reference-key      = "APPETENCE_REFERENCE_KEY"
    },
    { for member in local.members : local.member_secret[member] => "APPETENCE_MEMBER_KEY_${member}" },
  )
  imported_secrets = {
    operator-pgp-passphrase  = "APPETENCE_PGP_PASSPHRASE"
    operator-pgp-fingerprint = "APPETENCE_PGP_FINGERPRINT"
  }
  member_secret = { for member in local.members : member => "member-key-${replace(member, "_", "-")}" }

  # What a job may ask for in conf/jobs.yaml, under `secrets`.
  secret_sets = {
    pepper      = ["suppression-pepper"]
    reference   = ["reference-key"]
    member_keys = values(local.member_secret)
    pgp         = keys(local.imported_secrets)
  }
  secret_variables = merge(local.generated_secrets, local.imported_secrets)

  # What tells the library so, as --set of every job.
  secret_settings = {
    "privacy.pepper_ref"                = "env:${local.secret_variables["suppression-pepper"]}"
    "privacy.reference_key_ref"         = "env:${local.secret_variables["reference-key"]}"
    "privacy.member_key_template"       = "env:APPETENCE_MEMBER_KEY_{member_id}"
    "exchange.operator_passphrase_ref"  = "env:${local.secret_variables["operator-pgp-passphrase"]}"
    "exchange.operator_fingerprint_ref" = "env:${local.secret_variables["operator-pgp-fingerprint"]}"
  }
}

resource "azurerm_key_vault" "main" {
  name                = "appetence-${var.environment}-${var.name_suffix}"
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  tenant_id           = data.azurerm_client_config.current.tenant_id
  sku_name            = "premium"
  tags                = local.tags

  rbac_authorization_enabled = true

  # Purge protection would keep a departed member's key for weeks: destroying it is what makes that member's ids meaningless.
  purge_protection_enabled   = false
  soft_delete_retention_days = 7

  network_acls {
    default_action             = "Deny"
    bypass                     = "AzureServices"
    ip_rules                   = var.administrator_ip_ranges
    virtual_network_subnet_ids = [for subnet in azurerm_subnet.clusters : subnet.id]
  }
}

resource "azurerm_role_assignment" "key_officers" {
  for_each = var.key_officer_object_ids

  scope                = azurerm_key_vault.main.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = each.value
}

resource "azurerm_role_assignment" "secret_scope" {
  scope                = azurerm_key_vault.main.id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = var.databricks_application_object_id
}

ephemeral "random_password" "generated" {
  for_each = local.generated_secrets

  length  = 64
  special = false
}

resource "azurerm_key_vault_secret" "generated" {
  for_each = local.generated_secrets

  name             = each.key
  key_vault_id     = azurerm_key_vault.main.id
  value_wo         = ephemeral.random_password.generated[each.key].result
  value_wo_version = var.secret_version
  content_type     = "key for HMAC-SHA-256"

  depends_on = [azurerm_role_assignment.key_officers]
}

resource "azurerm_monitor_diagnostic_setting" "secrets" {
  name                       = "who-read-which-secret"
  target_resource_id         = azurerm_key_vault.main.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  enabled_log {
    category = "AuditEvent"
  }
}

resource "databricks_secret_scope" "main" {
  name = "appetence"

  keyvault_metadata {
    resource_id = azurerm_key_vault.main.id
    dns_name    = azurerm_key_vault.main.vault_uri
  }
}

# Only the jobs read it; a notebook of a data scientist cannot.
resource "databricks_secret_acl" "jobs" {
  scope      = databricks_secret_scope.main.name
  principal  = databricks_service_principal.jobs.application_id
  permission = "READ"
}
