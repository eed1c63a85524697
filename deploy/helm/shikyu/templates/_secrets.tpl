{{/* Not empty where a setting of this `name` and `value` is a secret. */}}
{{- define "shikyu.isSecret" -}}
{{- $known := .root.Files.Get "files/secret-names.yaml" | fromYaml -}}
{{- if and (regexMatch $known.secret .name) (not (regexMatch $known.open .name)) -}}
yes
{{- else if and (kindIs "string" .value) (regexMatch $known.address (toString .value)) -}}
yes
{{- end -}}
{{- end -}}

{{/* Not empty where a pod's variable of this `name` and `value` is a secret: one of shikyu's settings, or another program's. */}}
{{- define "shikyu.isSecretVariable" -}}
{{- $known := .root.Files.Get "files/secret-names.yaml" | fromYaml -}}
{{- if hasPrefix "SHIKYU_" .name -}}
{{ include "shikyu.isSecret" (dict "root" .root "name" (.name | trimPrefix "SHIKYU_" | lower | replace "_" ".") "value" .value) }}
{{- else if and (regexMatch $known.variable .name) (not (regexMatch $known.plain (toString .value))) -}}
yes
{{- else if regexMatch $known.address (toString .value) -}}
yes
{{- end -}}
{{- end -}}

{{/* The paths of the secrets in a `table` that stands `at` a path, each with a line feed. */}}
{{- define "shikyu.secretsIn" -}}
{{- $root := .root -}}
{{- $at := .at -}}
{{- range $name, $value := .table -}}
{{- $path := printf "%s.%s" $at $name | trimPrefix "." -}}
{{- if kindIs "map" $value -}}
{{ include "shikyu.secretsIn" (dict "root" $root "at" $path "table" $value) }}
{{- else if kindIs "slice" $value -}}
{{- range $value -}}
{{ include "shikyu.secretsIn" (dict "root" $root "at" $at "table" (dict $name .)) }}
{{- end -}}
{{- else if include "shikyu.isSecret" (dict "root" $root "name" $path "value" $value) -}}
{{ printf "%s\n" $path }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where the secret of a setting belongs. */}}
{{- define "shikyu.secretBelongs" -}}
{{- if hasSuffix "sasl.password" . -}}
into the Secret that kafka.saslSecret names
{{- else if or (eq "registry.url" .) (hasSuffix "basic.auth.user.info" .) -}}
into the Secret that registry.basicAuthSecret names
{{- else if regexMatch "ssl[._]key" . -}}
into the Secret that kafka.clientCertificateSecret names
{{- else -}}
into a Secret of yours, which extraEnv gives as {{ include "shikyu.variable" . }} by a secretKeyRef
{{- end -}}
{{- end -}}
