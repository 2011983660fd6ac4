{{/*
The words every template shares: labels, the operator's identity, and the few fixed names that policies and the operator
both rely on. A fixed name is not a value: changing one silently opens what a policy closes.
*/}}

{{- define "edugrid.labels" -}}
app.kubernetes.io/name: edugrid
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: edugrid
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "edugrid.operatorSelector" -}}
app.kubernetes.io/name: edugrid
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: scheduler
{{- end -}}

{{/* Name of the operator's service account. */}}
{{- define "edugrid.operatorAccount" -}}edugrid-scheduler{{- end -}}

{{/* The operator as the API server names it in userInfo.username. */}}
{{- define "edugrid.operatorUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "edugrid.operatorAccount" . }}
{{- end -}}

{{/* Who alone may delete segments (L12); empty: nobody. */}}
{{- define "edugrid.archiverUser" -}}
{{- with .Values.ledger.archiver -}}
{{- if .user }}{{ .user }}{{ else if .deploy }}system:serviceaccount:{{ $.Release.Namespace }}:edugrid-archiver{{ end -}}
{{- end -}}
{{- end -}}

{{/* Labels of an object that outlives the release. */}}
{{- define "edugrid.keep" -}}
helm.sh/resource-policy: keep
{{- end -}}

{{/* Selects the namespaces that belong to a tenant (Q6). */}}
{{- define "edugrid.tenantNamespaces" -}}
matchExpressions:
- {key: edugrid.io/tenant, operator: Exists}
{{- end -}}

{{/* PriorityClass names, as a CEL list: the tiers' own and what the cluster's owner adds (P8). */}}
{{- define "edugrid.priorityClasses" -}}
{{- $names := list "edugrid-emergency" "edugrid-mission" "edugrid-standard" "edugrid-scavenger" -}}
{{- concat $names .Values.policies.extraPriorityClasses | toJson -}}
{{- end -}}

{{/*
True when the CRDs can be relied on. Helm resolves every kind before it creates any, so on a first install into a cluster
the declared objects wait for the next upgrade; `helm template` (no cluster to look at) renders all.
*/}}
{{- define "edugrid.declarable" -}}
{{- $online := lookup "v1" "Namespace" "" "kube-system" -}}
{{- if or (not $online) (.Capabilities.APIVersions.Has "edugrid.io/v1alpha1/Tenant") -}}true{{- end -}}
{{- end -}}

{{/* A ValidatingAdmissionPolicyBinding of the same name: (dict "context" $ "name" … "keep" bool "actions" list). */}}
{{- define "edugrid.validatingBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "edugrid.labels" .context | nindent 4 }}
  {{- if .keep }}
  annotations: {{- include "edugrid.keep" .context | nindent 4 }}
  {{- end }}
spec:
  policyName: {{ .name }}
  validationActions: {{ .actions | default (list "Deny") | toJson }}
{{- end -}}

{{/* A MutatingAdmissionPolicyBinding of the same name: (dict "context" $ "name" …). */}}
{{- define "edugrid.mutatingBinding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "edugrid.labels" .context | nindent 4 }}
spec:
  policyName: {{ .name }}
{{- end -}}

{{/* RBAC subjects from a list of {kind, name, namespace}. */}}
{{- define "edugrid.subjects" -}}
{{- range . }}
{{- if eq .kind "ServiceAccount" }}
- {kind: ServiceAccount, name: {{ .name | quote }}, namespace: {{ required "a subject of kind ServiceAccount needs its namespace" .namespace | quote }}}
{{- else }}
- {apiGroup: rbac.authorization.k8s.io, kind: {{ .kind }}, name: {{ .name | quote }}}
{{- end }}
{{- end }}
{{- end -}}

{{/* Resources of the visibility API about a namespace's jobs, and about a tenant (read in its home). RBAC is per namespace. */}}
{{- define "edugrid.visibleJobs" -}}{{ list "queuedjobs" "explanations" | toJson }}{{- end -}}
{{- define "edugrid.visibleTenants" -}}{{ list "statements" "tenantuses" "voucheruses" "tenantmetrics" | toJson }}{{- end -}}
