data "azurerm_client_config" "current" {}

locals {
  name = "appetence-${var.environment}"
  tags = {
    application = "appetence"
    environment = var.environment
    data        = "personal"
  }

  # What the library is configured with is read from where the library reads it: nothing is listed twice.
  conf    = "${path.module}/../../conf"
  plan    = yamldecode(file("${path.module}/../../conf/jobs.yaml"))
  base    = yamldecode(file("${path.module}/../../conf/base.yaml"))
  members = toset([for name in fileset("${local.conf}/members", "*.yaml") : trimsuffix(name, ".yaml")])
}

resource "azurerm_resource_group" "main" {
  name     = local.name
  location = var.location
  tags     = local.tags
}

# Reads and writes the lake for Unity Catalog; no key or password exists for it.
resource "azurerm_user_assigned_identity" "lake" {
  name                = "${local.name}-lake"
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  tags                = local.tags
}

# The jobs run as this identity, never as a person.
resource "azurerm_user_assigned_identity" "jobs" {
  name                = "${local.name}-jobs"
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  tags                = local.tags
}

resource "azurerm_log_analytics_workspace" "main" {
  name                = local.name
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  sku                 = "PerGB2018"
  retention_in_days   = 365
  tags                = local.tags
}
