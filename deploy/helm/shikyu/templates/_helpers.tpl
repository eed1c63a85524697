{{- define "shikyu.name" -}}
{{- if contains "shikyu" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-shikyu" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "shikyu.selector" -}}
app.kubernetes.io/name: shikyu
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: consumer
{{- end -}}

{{- define "shikyu.trainingSelector" -}}
app.kubernetes.io/name: shikyu
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: training
{{- end -}}

{{- define "shikyu.labels" -}}
app.kubernetes.io/name: shikyu
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "shikyu.image" -}}
{{- $tag := .Values.image.tag | default (ternary (printf "%s-gpu" .Chart.AppVersion) .Chart.AppVersion .Values.gpu.enabled) -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ $tag }}
{{- end -}}
{{- end -}}

{{/* Of Kafka and the registry, with spaces between: those that the addresses name, and the policy's own. */}}
{{- define "shikyu.servicePorts" -}}
{{- range splitList "," .Values.kafka.bootstrapServers }}{{ regexFind "[0-9]+$" . }} {{ end -}}
{{- range splitList "," (.Values.registry.url | default ((fromToml .Values.config).registry).url | default "") | compact -}}
{{- $url := trim . | urlParse -}}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "80" "443" (eq $url.scheme "http")) }} {{ end -}}
{{- range concat .Values.networkPolicy.kafkaPorts .Values.networkPolicy.registryPorts }}{{ int . }} {{ end -}}
{{- end -}}

{{- define "shikyu.minReplicas" -}}
{{- .Values.keda.minReplicas | default (max 1 (int .Values.replicas)) -}}
{{- end -}}

{{- define "shikyu.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "shikyu.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* The variable that sets kafka.OPTION or registry.options.OPTION: three underscores for a dash, two for one, one for a dot. */}}
{{- define "shikyu.variable" -}}
SHIKYU_{{ . | replace "_" "__" | replace "." "_" | replace "-" "___" | upper }}
{{- end -}}

{{/* The consumer's own, or what the values' comment says. */}}
{{- define "shikyu.resources" -}}
{{- $memory := ternary (list "4Gi" "6Gi") (list "1Gi" "1536Mi") .Values.gpu.enabled -}}
{{- $measured := dict "requests" (dict "cpu" "2" "memory" (first $memory)) "limits" (dict "cpu" "2" "memory" (last $memory)) -}}
{{- $resources := deepCopy (.Values.resources | default $measured) -}}
{{- if .Values.gpu.enabled -}}
{{- $_ := set $resources "limits" (merge (dict .Values.gpu.resource .Values.gpu.count) ($resources.limits | default dict)) -}}
{{- end -}}
{{ toYaml $resources }}
{{- end -}}

{{/* What all commands of shikyu in a pod are told. */}}
{{- define "shikyu.env" -}}
- {name: SHIKYU_CONFIG, value: /etc/shikyu/shikyu.toml}
- {name: SHIKYU_KAFKA_BOOTSTRAP_SERVERS, value: {{ .Values.kafka.bootstrapServers | quote }}}
- {name: SHIKYU_INPUT_TOPICS, value: {{ .Values.kafka.topics | toJson | quote }}}
- {name: SHIKYU_DELIVERY_GROUP_ID, value: {{ .Values.kafka.groupId | quote }}}
- {name: SHIKYU_HTTP_HOST, value: 0.0.0.0}
- {name: SHIKYU_HTTP_PORT, value: {{ .Values.http.port | quote }}}
- {name: SHIKYU_LOG_FORMAT, value: json}
- {name: SHIKYU_MODEL_ARTIFACT, value: {{ .Values.artifact.path | quote }}}
{{- if .Values.gpu.enabled }}
- {name: SHIKYU_MODEL_DEVICE, value: cuda}
{{- else if ((include "shikyu.resources" . | fromYaml).limits).cpu }}
# A CPU limit is time, not cores: the model would else take a thread for each core of the node.
- name: SHIKYU_MODEL_THREADS
  valueFrom: {resourceFieldRef: {containerName: shikyu, resource: limits.cpu, divisor: "1"}}
{{- end }}
# The ordinal at its end is the transactional slot: a pod that comes back aborts at once what it had left open.
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
{{- range $option, $value := .Values.kafka.options }}
- {name: {{ include "shikyu.variable" (printf "kafka.%s" $option) }}, value: {{ $value | toString | quote }}}
{{- end }}
{{- with .Values.kafka.saslSecret }}
- name: SHIKYU_KAFKA_SASL_USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: sasl.username}}
- name: SHIKYU_KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: sasl.password}}
{{- end }}
{{- if or .Values.kafka.ca.secret .Values.kafka.ca.configMap }}
- {name: SHIKYU_KAFKA_SSL_CA_LOCATION, value: /etc/shikyu/ca/{{ .Values.kafka.ca.key }}}
{{- end }}
{{- if .Values.kafka.clientCertificateSecret }}
- {name: SHIKYU_KAFKA_SSL_CERTIFICATE_LOCATION, value: /etc/shikyu/client/tls.crt}
- {name: SHIKYU_KAFKA_SSL_KEY_LOCATION, value: /etc/shikyu/client/tls.key}
{{- end }}
{{- with .Values.registry.url }}
- {name: SHIKYU_REGISTRY_URL, value: {{ . | quote }}}
{{- end }}
{{- with .Values.registry.basicAuthSecret }}
- {name: SHIKYU_REGISTRY_OPTIONS_BASIC_AUTH_CREDENTIALS_SOURCE, value: USER_INFO}
- name: SHIKYU_REGISTRY_OPTIONS_BASIC_AUTH_USER_INFO
  valueFrom: {secretKeyRef: {name: {{ . }}, key: basic.auth.user.info}}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "shikyu.mounts" -}}
- {name: config, mountPath: /etc/shikyu/shikyu.toml, subPath: shikyu.toml, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if or .Values.kafka.ca.secret .Values.kafka.ca.configMap }}
- {name: ca, mountPath: /etc/shikyu/ca, readOnly: true}
{{- end }}
{{- if .Values.kafka.clientCertificateSecret }}
- {name: client-certificate, mountPath: /etc/shikyu/client, readOnly: true}
{{- end }}
{{- end -}}

{{/* A command of shikyu's that is done before the consumer starts. */}}
{{- define "shikyu.before" -}}
- name: {{ .name }}
  image: {{ include "shikyu.image" .root }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: {{ .args | toJson }}
  env:
    {{- include "shikyu.env" .root | nindent 4 }}
  securityContext:
    {{- include "shikyu.containerSecurity" .root | nindent 4 }}
  resources: # 64 and 77 MB resident, measured
    requests: {cpu: 100m, memory: 128Mi}
    limits: {memory: 512Mi}
  volumeMounts:
    {{- include "shikyu.mounts" .root | nindent 4 }}
{{- end -}}
