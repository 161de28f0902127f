# Brings the IIS cmdlets up: a module from Windows Server 2008 R2 on, a snap-in of its own on Windows Server 2008.
if (Get-Module -ListAvailable -Name WebAdministration) { Import-Module WebAdministration }
else { Add-PSSnapin -Name WebAdministration }
