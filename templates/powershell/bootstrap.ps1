# The fixed start of every batch, sent as -EncodedCommand; comments and indentation are stripped before that.
# Standard input, one item a line, fields parted by one blank, data in base64 of UTF-8:
#   secret NAME DATA    a SecureString in $HarnessSecret[NAME]
#   load   NUMBER DATA  a script that leaves functions or a session behind
#   run    NUMBER DATA  a script whose output is its result
# Standard output, one line for each script, ASCII:
#   harness-result NUMBER ok|failed DATA    base64 of JSON
# Lines that come within a second of each other travel together, later ones within up to ten: each piece of output
# costs the client a request.
# Any other line is chatter of the host's and is kept apart by the reader.
# Everything is read before anything runs, so a batch that was cut off on its way is never half executed.
$global:ErrorActionPreference = 'Stop'
$global:ProgressPreference = 'SilentlyContinue'
$HarnessSecret = @{}
$HarnessCleanup = New-Object System.Collections.ArrayList
$HarnessOutput = New-Object System.Collections.ArrayList
$HarnessHold = 1
$HarnessDue = [DateTime]::UtcNow.AddSeconds($HarnessHold)
function Send-HarnessOutput {
    [Console]::Out.Write([string]::Join('', [string[]]$HarnessOutput.ToArray()))
    [Console]::Out.Flush()
    $HarnessOutput.Clear()
}
$HarnessLines = @($input)
if ($HarnessLines.Count -eq 0 -or [string]$HarnessLines[-1] -notmatch '^end\s*$') { exit 3 }
try {
    foreach ($HarnessLine in $HarnessLines) {
        $HarnessVerb, $HarnessNumber, $HarnessData = ([string]$HarnessLine).Trim().Split(' ')
        if ($HarnessVerb -eq 'end') { break }
        $HarnessText = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String([string]$HarnessData))
        if ($HarnessVerb -eq 'secret') {
            $HarnessValue = New-Object System.Security.SecureString
            foreach ($HarnessChar in $HarnessText.ToCharArray()) { $HarnessValue.AppendChar($HarnessChar) }
            $HarnessSecret[$HarnessNumber] = $HarnessValue
            continue
        }
        try {
            $HarnessScript = [scriptblock]::Create($HarnessText)
            if ($HarnessVerb -eq 'load') { . $HarnessScript | Out-Null; $HarnessJson = 'null' }
            else { $HarnessJson = ConvertTo-HarnessJson @(& $HarnessScript) }
            $HarnessStatus = 'ok'
        }
        catch {
            $HarnessStatus = 'failed'
            $HarnessJson = ConvertTo-HarnessJson (Get-HarnessFailure $_)
        }
        $HarnessData = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($HarnessJson))
        [void]$HarnessOutput.Add("harness-result $HarnessNumber $HarnessStatus $HarnessData`r`n")
        if ([DateTime]::UtcNow -ge $HarnessDue) {
            Send-HarnessOutput
            $HarnessHold = [Math]::Min(10, $HarnessHold * 2)
            $HarnessDue = [DateTime]::UtcNow.AddSeconds($HarnessHold)
        }
    }
}
finally {
    Send-HarnessOutput
    foreach ($HarnessStep in $HarnessCleanup) { & $HarnessStep }
}
