"""The aliases that PowerShell begins with, and what each stands for. Source: about_Aliases and Get-Alias of 2.0."""

from __future__ import annotations

_ALIASES = """
% ForEach-Object
? Where-Object
ac Add-Content
asnp Add-PSSnapin
cat Get-Content
cd Set-Location
chdir Set-Location
cli Clear-Item
compare Compare-Object
copy Copy-Item
cp Copy-Item
cpi Copy-Item
del Remove-Item
diff Compare-Object
dir Get-ChildItem
echo Write-Output
erase Remove-Item
foreach ForEach-Object
gc Get-Content
gci Get-ChildItem
gcm Get-Command
gi Get-Item
gl Get-Location
gm Get-Member
gmo Get-Module
gp Get-ItemProperty
gps Get-Process
group Group-Object
gsn Get-PSSession
gsnp Get-PSSnapin
gsv Get-Service
gu Get-Unique
gv Get-Variable
gwmi Get-WmiObject
icm Invoke-Command
iex Invoke-Expression
ipmo Import-Module
ipsn Import-PSSession
iwmi Invoke-WmiMethod
kill Stop-Process
ls Get-ChildItem
measure Measure-Object
move Move-Item
mv Move-Item
nsn New-PSSession
ps Get-Process
pwd Get-Location
rd Remove-Item
ren Rename-Item
ri Remove-Item
rm Remove-Item
rmdir Remove-Item
rmo Remove-Module
rp Remove-ItemProperty
rsn Remove-PSSession
rv Remove-Variable
rvpa Resolve-Path
rwmi Remove-WmiObject
sajb Start-Job
saps Start-Process
sasv Start-Service
sc Set-Content
select Select-Object
set Set-Variable
si Set-Item
sl Set-Location
sleep Start-Sleep
sort Sort-Object
sp Set-ItemProperty
spps Stop-Process
spsv Stop-Service
start Start-Process
sv Set-Variable
swmi Set-WmiInstance
tee Tee-Object
type Get-Content
where Where-Object
write Write-Output
"""

ALIASES = dict(line.split() for line in _ALIASES.strip().splitlines())
"""What each alias stands for."""
