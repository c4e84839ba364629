locals {
  containers = {
    inbox      = "Members' encrypted deliveries, as they arrive."
    outbox     = "Encrypted files for recipients and members."
    quarantine = "Deliveries that failed a check, still encrypted."
    lake       = "The tables."
    mlflow     = "Artifacts of model runs."
  }
  # Containers whose files have an end date.
  exchange = ["inbox", "outbox", "quarantine"]
}

resource "azurerm_storage_account" "lake" {
  name                = "appetence${var.environment}${var.name_suffix}"
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  tags                = local.tags

  account_kind                      = "StorageV2"
  account_tier                      = "Standard"
  account_replication_type          = var.storage_replication
  is_hns_enabled                    = true
  https_traffic_only_enabled        = true
  min_tls_version                   = "TLS1_2"
  infrastructure_encryption_enabled = true

  # Entra ID identities only: an account key would open everything to whoever holds it.
  shared_access_key_enabled        = false
  default_to_oauth_authentication  = true
  local_user_enabled               = false
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false

  # No soft delete and no versions, on purpose: an erased person's bytes must be gone when the erasure job has deleted them.
  # Delta's own history, bounded by maintain_tables, is what undoes a mistake.

  network_rules {
    default_action             = "Deny"
    bypass                     = ["AzureServices"]
    ip_rules                   = var.administrator_ip_ranges
    virtual_network_subnet_ids = [for subnet in azurerm_subnet.clusters : subnet.id]

    private_link_access {
      endpoint_resource_id = azurerm_databricks_access_connector.main.id
    }
  }
}

resource "azurerm_storage_container" "main" {
  for_each = local.containers

  name                  = each.key
  storage_account_id    = azurerm_storage_account.lake.id
  container_access_type = "private"
}

# The net below the jobs: a forgotten file goes all the same.
resource "azurerm_storage_management_policy" "exchange" {
  storage_account_id = azurerm_storage_account.lake.id

  rule {
    name    = "delete-exchange-files"
    enabled = true

    filters {
      prefix_match = [for name in local.exchange : "${name}/"]
      blob_types   = ["blockBlob"]
    }

    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = var.file_days_max
      }
    }
  }
}

resource "azurerm_role_assignment" "lake" {
  scope                = azurerm_storage_account.lake.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.lake.principal_id
}

resource "azurerm_monitor_diagnostic_setting" "exchange" {
  name                       = "who-touched-what"
  target_resource_id         = "${azurerm_storage_account.lake.id}/blobServices/default"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  enabled_log {
    category = "StorageRead"
  }

  enabled_log {
    category = "StorageWrite"
  }

  enabled_log {
    category = "StorageDelete"
  }
}
