# What every script of a batch can use. PowerShell 2.0 has no ConvertTo-Json, so this one serves all versions.
function ConvertTo-HarnessString($Value) {
    $text = [string]$Value
    $text = $text.Replace('\', '\\').Replace('"', '\"')
    if ($text -match '[\x00-\x1f]') {
        $safe = New-Object System.Text.StringBuilder
        foreach ($char in $text.ToCharArray()) {
            if ([int]$char -lt 32) { [void]$safe.Append(('\u{0:x4}' -f [int]$char)) }
            else { [void]$safe.Append($char) }
        }
        $text = $safe.ToString()
    }
    '"' + $text + '"'
}

function ConvertTo-HarnessJson($Value) {
    if ($Value -is [string]) { ConvertTo-HarnessString $Value }
    elseif ($Value -is [System.Collections.IDictionary]) {
        # Most members are plain texts, flags or numbers: a call or a second look at each would be most of a batch's own time.
        $special = '[\x00-\x1f"\\]'
        $plain = [string]::Join('', [string[]]@($Value.Keys)) -notmatch $special
        $members = @(foreach ($key in @($Value.Keys)) {
            $item = $Value[$key]
            if ($plain -and $item -is [string] -and $item -notmatch $special) { """$key"":""$item""" }
            elseif ($plain -and ($item -is [bool] -or $item -is [int])) { """$key"":$(([string]$item).ToLowerInvariant())" }
            elseif ($plain) { """$key"":$(ConvertTo-HarnessJson $item)" }
            else { "$(ConvertTo-HarnessString $key):$(ConvertTo-HarnessJson $item)" }
        })
        "{$([string]::Join(',', [string[]]$members))}"
    }
    elseif ($Value -is [System.Collections.IEnumerable]) {
        $items = @(foreach ($item in $Value) { ConvertTo-HarnessJson $item })
        "[$([string]::Join(',', [string[]]$items))]"
    }
    elseif ($null -eq $Value) { 'null' }
    elseif ($Value -is [bool]) { if ($Value) { 'true' } else { 'false' } }
    elseif ($Value -is [int] -or $Value -is [long] -or $Value -is [uint32]) { [string]$Value }
    elseif ($Value -is [System.Management.Automation.PSCustomObject]) {
        $members = @(foreach ($property in $Value.PSObject.Properties) {
            "$(ConvertTo-HarnessString $property.Name):$(ConvertTo-HarnessJson $property.Value)"
        })
        "{$([string]::Join(',', [string[]]$members))}"
    }
    else { ConvertTo-HarnessString $Value }
}

function Get-HarnessFailure($Record) {
    # A failure that crossed a remote session carries the remote side's own record in its exception.
    @{
        message = [string]$Record.Exception.Message
        category = [string]$Record.CategoryInfo.Category
        identifier = [string]$Record.FullyQualifiedErrorId
        type = $Record.Exception.GetType().FullName
        line = [int]$Record.InvocationInfo.ScriptLineNumber
    }
}

function Get-HarnessPath($Value) {
    # A local path is an object with a PathName on some versions and routes, a string on others.
    if ($null -eq $Value) { return $null }
    if ($Value -is [string]) { return $Value }
    if ($Value.PSObject.Properties['PathName']) { return [string]$Value.PathName }
    [string]$Value
}

function Get-HarnessOnly($Found, $Property, $Wanted, $What) {
    # Exchange's Get-* cmdlets give every object when the identity is unknown: insist on the one that was asked for.
    $match = @($Found | Where-Object { [string]$_.$Property -eq $Wanted })
    if ($match.Count -ne 1) { throw "$($match.Count) $What with $Property '$Wanted' instead of one" }
    $match[0]
}

function Get-HarnessWindows {
    # 5.2 is Windows Server 2003, 6.0 and 6.1 are 2008 and its R2, 6.2 is 2012.
    [version]@(Get-WmiObject -Class Win32_OperatingSystem)[0].Version
}

$HarnessServices = @{}
function Get-HarnessServices($Names) {
    # A server needs a moment to list its services, so a batch's reads share one list: they come after its writes.
    if ($HarnessServices.Count -eq 0) {
        foreach ($service in @(Get-WmiObject -Class Win32_Service)) { $HarnessServices[[string]$service.Name] = $service }
    }
    foreach ($name in $Names) { if ($HarnessServices.ContainsKey($name)) { $HarnessServices[$name] } }
}

function Invoke-HarnessProgram($Program, $Arguments) {
    # A native program says that it failed by its exit code alone; what it wrote is in the server's language.
    # PowerShell hands each element on as one argument as long as none holds a double quote or ends in a backslash.
    $ErrorActionPreference = 'Continue'
    $said = @(& $Program $Arguments 2>&1 | ForEach-Object { ([string]$_).Trim() } | Where-Object { $_ })
    if ($LASTEXITCODE -ne 0) { throw "$Program $($Arguments[0]) ended with exit code ${LASTEXITCODE}: $([string]::Join(' ', [string[]]$said))" }
}
