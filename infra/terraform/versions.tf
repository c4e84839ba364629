terraform {
  # 1.11 is the first that keeps a secret's value out of the state (write-only arguments).
  required_version = ">= 1.11.0, < 2.0.0"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.55"
    }
    databricks = {
      source  = "databricks/databricks"
      version = "~> 1.99"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }
}

provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true

  features {
    key_vault {
      # A member that leaves takes its key with it: a destroyed key must not be recoverable.
      purge_soft_deleted_secrets_on_destroy = true
    }
  }
}

provider "databricks" {
  host                        = azurerm_databricks_workspace.main.workspace_url
  azure_workspace_resource_id = azurerm_databricks_workspace.main.id
}
