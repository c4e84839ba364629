resource "azurerm_databricks_workspace" "main" {
  name                = local.name
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  tags                = local.tags

  sku                               = "premium"
  managed_resource_group_name       = "${local.name}-databricks"
  infrastructure_encryption_enabled = true

  custom_parameters {
    no_public_ip                                         = true
    virtual_network_id                                   = azurerm_virtual_network.main.id
    public_subnet_name                                   = azurerm_subnet.clusters["host"].name
    private_subnet_name                                  = azurerm_subnet.clusters["container"].name
    public_subnet_network_security_group_association_id  = azurerm_subnet_network_security_group_association.clusters["host"].id
    private_subnet_network_security_group_association_id = azurerm_subnet_network_security_group_association.clusters["container"].id
  }
}

resource "azurerm_databricks_access_connector" "main" {
  name                = local.name
  resource_group_name = azurerm_resource_group.main.name
  location            = azurerm_resource_group.main.location
  tags                = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.lake.id]
  }
}

resource "databricks_service_principal" "jobs" {
  application_id = azurerm_user_assigned_identity.jobs.client_id
  display_name   = "${local.name}-jobs"
}
