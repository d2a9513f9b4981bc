//! What the API server tells.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use anyhow::Context as _;
use ferrolb_api::crds;
use ferrolb_diagnosis::cluster::{Facts, Fetched, Rights, component_of, examine};
use ferrolb_diagnosis::roles::{Permission, Process, Scope};
use ferrolb_diagnosis::{Area, Check, Outcome};
use ferrolb_driver::clock;
use ferrolb_kube::{Client, client};
use ferrolb_webhook::trust_ends;
use serde_json::{Value, json};

use crate::args::DoctorArgs;
use crate::live::{self, Survey};

/// The object that all webhooks of a release are in (`operations.md` 2.1).
const WEBHOOKS: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/metallb-webhook-configuration";
const KUBE_PROXY: &str = "/api/v1/namespaces/kube-system/configmaps/kube-proxy";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// A cluster, if there is one.
pub(super) enum Cluster {
    Reached {
        client: Client,
        survey: Survey,
        check: Check,
        ahead: Option<i64>,
    },
    /// It is not configured or does not answer; how that counts, and why.
    Away(Check),
}

impl Cluster {
    /// Asks for the version, and then for everything.
    pub(super) async fn reach(client: anyhow::Result<Client>, args: &DoctorArgs) -> Self {
        let client = match client {
            Ok(client) => client,
            Err(error) if matches!(error.downcast_ref(), Some(client::Error::NotConfigured(_))) => {
                return Self::Away(api_server(Outcome::NotChecked, error.to_string()));
            }
            Err(error) => return Self::Away(api_server(Outcome::Failed, format!("{error:#}"))),
        };
        let (version, ahead) = match greet(&client).await {
            Ok(answer) => answer,
            Err(error) => {
                let message =
                    format!("it does not answer: {error:#}; check the kubeconfig and the way to it");
                return Self::Away(api_server(Outcome::Failed, message));
            }
        };
        match live::survey(&client, &args.cluster.namespace).await {
            Ok(survey) => Self::Reached {
                client,
                survey,
                check: api_server(Outcome::Ok, format!("{version} answers")),
                ahead,
            },
            Err(error) => Self::Away(api_server(Outcome::Failed, format!("{error:#}"))),
        }
    }

    /// What it holds, or why that is not known.
    pub(super) fn survey(&self) -> Result<&Survey, &str> {
        match self {
            Self::Reached { survey, .. } => Ok(survey),
            Self::Away(check) => Err(&check.message),
        }
    }

    pub(super) async fn examine(self, args: &DoctorArgs) -> Vec<Check> {
        match self {
            Self::Away(check) => vec![check],
            Self::Reached {
                client,
                survey,
                check,
                ahead,
            } => {
                let options = args.cluster.options(live::speakers(&survey.objects));
                let facts = facts(&client, survey, ahead, &args.cluster.namespace).await;
                std::iter::once(check).chain(examine(&facts, &options)).collect()
            }
        }
    }
}

fn api_server(result: Outcome, message: String) -> Check {
    Check::new(Area::Cluster, "api-server", result, message)
}

/// The server's version, and by how many seconds this host is ahead of its clock.
async fn greet(client: &Client) -> anyhow::Result<(String, Option<i64>)> {
    let version = live::get(client, "/version").await?;
    let version = version["gitVersion"]
        .as_str()
        .context("it does not tell its version")?
        .to_owned();
    let now = clock::wall().duration_since(UNIX_EPOCH).ok();
    let now = now.and_then(|now| i64::try_from(now.as_secs()).ok());
    let theirs = live::time(client).await;
    Ok((version, now.zip(theirs).map(|(now, theirs)| now - theirs)))
}

async fn facts(client: &Client, survey: Survey, ahead: Option<i64>, namespace: &str) -> Facts {
    let webhooks = live::fetch(client, WEBHOOKS).await;
    Facts {
        definitions: definitions(client).await,
        webhook_trust_seconds: trust_seconds(&webhooks, ahead),
        webhooks: Some(webhooks),
        kube_proxy: Some(live::fetch(client, KUBE_PROXY).await),
        rights: rights(client, &survey.objects, namespace).await,
        clock_ahead_seconds: ahead,
        objects: survey.objects,
        unreadable: survey.unreadable,
    }
}

/// In how many seconds, by the clock of the API server, the first of the bundles trusts nobody any more.
fn trust_seconds(webhooks: &Fetched, ahead: Option<i64>) -> Option<i64> {
    let Fetched::Found(object) = webhooks else {
        return None;
    };
    let now = clock::wall().duration_since(UNIX_EPOCH).ok()?;
    let now = i64::try_from(now.as_secs()).ok()? - ahead.unwrap_or_default();
    let ends = |hook: &Value| trust_ends(hook.pointer("/clientConfig/caBundle")?.as_str()?);
    let hooks = object["webhooks"].as_array()?;
    Some(hooks.iter().filter_map(ends).min()? - now)
}

async fn definitions(client: &Client) -> Vec<(Value, Fetched)> {
    let mut definitions = Vec::new();
    for crd in crds::all() {
        let Ok(ours) = serde_saphyr::from_str(crd.yaml) else {
            continue;
        };
        definitions.push((
            ours,
            live::fetch(client, &format!("{DEFINITIONS}/{}", crd.name)).await,
        ));
    }
    definitions
}

/// Asks what the ServiceAccounts of the pods may do.
async fn rights(client: &Client, objects: &[Value], namespace: &str) -> Vec<Rights> {
    let pods = objects.iter().filter(|object| object["kind"] == "Pod");
    let accounts: BTreeMap<Process, String> = pods
        .filter(|pod| pod["metadata"]["namespace"] == namespace)
        .filter_map(|pod| {
            Some((
                component_of(pod)?,
                pod["spec"]["serviceAccountName"].as_str()?.to_owned(),
            ))
        })
        .collect();
    let mut rights = Vec::new();
    for (process, name) in accounts {
        let lacking = lacking(client, process, &name, namespace).await;
        let account = format!("{namespace}/{name}");
        rights.push(Rights {
            process,
            account,
            lacking,
        });
    }
    rights
}

async fn lacking(
    client: &Client,
    process: Process,
    account: &str,
    namespace: &str,
) -> Result<Vec<Permission>, String> {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let subject = Subject::find(client, &user, namespace).await?;
    let mut lacking = Vec::new();
    for permission in process.permissions() {
        if !is_allowed(client, &subject, permission, namespace).await? {
            lacking.push(*permission);
        }
    }
    Ok(lacking)
}

/// Whose rights are asked for, and how.
struct Subject {
    review: &'static str,
    /// `user` and `groups`; empty where it is oneself.
    spec: Value,
}

impl Subject {
    /// Oneself if one is that user, as in the user's pod: anybody may ask that. Another one otherwise.
    async fn find(client: &Client, user: &str, namespace: &str) -> Result<Self, String> {
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let kind = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
        let myself = live::post(client, path, &kind).await;
        let is_myself = myself.is_ok_and(|review| review["status"]["userInfo"]["username"] == user);
        Ok(if is_myself {
            Self {
                review: "SelfSubjectAccessReview",
                spec: json!({}),
            }
        } else {
            let groups = json!([
                "system:serviceaccounts",
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated"
            ]);
            Self {
                review: "SubjectAccessReview",
                spec: json!({ "user": user, "groups": groups }),
            }
        })
    }
}

async fn is_allowed(
    client: &Client,
    subject: &Subject,
    permission: &Permission,
    namespace: &str,
) -> Result<bool, String> {
    let path = format!("/apis/authorization.k8s.io/v1/{}s", subject.review.to_lowercase());
    for verb in permission.verbs {
        let mut spec = subject.spec.clone();
        spec["resourceAttributes"] = json!({
            "verb": verb, "group": permission.group, "resource": permission.resource,
            "subresource": permission.subresource, "name": permission.name,
            "namespace": if permission.scope == Scope::Namespace { namespace } else { "" },
        });
        let review = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": subject.review, "spec": spec });
        let answer = live::post(client, &path, &review)
            .await
            .map_err(|error| live::why(&error))?;
        if answer["status"]["allowed"] == true {
            return Ok(true);
        }
    }
    Ok(false)
}
