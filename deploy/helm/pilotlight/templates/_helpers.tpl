{{- define "pilotlight.labels" -}}
app.kubernetes.io/name: pilotlight
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "pilotlight.selector" -}}
app.kubernetes.io/name: pilotlight
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* Namespaces with models, as JSON in a map, since a template yields text. */ -}}
{{- define "pilotlight.namespaces" -}}
{{- dict "names" (dig "kubernetes" "namespaces" list .Values.config | default (list .Release.Namespace)) | toJson -}}
{{- end }}

{{- /* Name and namespace of the Lease; the name is empty where there is none. */ -}}
{{- define "pilotlight.lease" -}}
{{- $lease := dig "kubernetes" "lease" dict .Values.config -}}
{{- if kindIs "bool" $lease -}}
{{- if gt (int .Values.replicas) 1 -}}
{{- fail (printf "config.kubernetes.lease is false, so that each of %d pods would serve and write counts: set replicas to 1, or leave config.kubernetes.lease out" (int .Values.replicas)) -}}
{{- end -}}
{{- dict "name" "" "namespace" "" | toJson -}}
{{- else -}}
{{- dict "name" ($lease.name | default "pilotlight") "namespace" ($lease.namespace | default .Release.Namespace) | toJson -}}
{{- end -}}
{{- end }}

{{- /* Whole seconds of a duration such as 1m30s, rounded up. */ -}}
{{- define "pilotlight.seconds" -}}
{{- $ms := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h|d)" (toString .) -1 -}}
{{- $amount := regexFind "^[0-9]+" . | int64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $ms = add $ms (mul $amount (get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000) $unit)) -}}
{{- end -}}
{{- div (add $ms 999) 1000 -}}
{{- end }}

{{- define "pilotlight.graceSeconds" -}}
{{- if .Values.terminationGracePeriodSeconds -}}
{{- .Values.terminationGracePeriodSeconds -}}
{{- else -}}
{{- $drain := include "pilotlight.seconds" (dig "server" "drain" "60s" .Values.config) | int64 -}}
{{- if eq $drain 0 -}}
{{- fail "config.server.drain is 0 (as long as it takes): set terminationGracePeriodSeconds" -}}
{{- end -}}
{{- add .Values.preStopSeconds $drain 10 -}}
{{- end -}}
{{- end }}

{{- /* A Role with its RoleBinding: (dict "root" $ "name" ... "namespace" ... "rules" ...). */ -}}
{{- define "pilotlight.role" -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "pilotlight.labels" .root | nindent 4 }}
rules: {{- toYaml .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "pilotlight.labels" .root | nindent 4 }}
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ .name }} }
subjects: [{ kind: ServiceAccount, name: {{ .root.Release.Name }}, namespace: {{ .root.Release.Namespace }} }]
{{- end }}
