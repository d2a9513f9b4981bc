//! etcd and kube-apiserver.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use crate::api::Api;
use crate::assets::Assets;
use crate::audit::{self, Audit};
use crate::certificate::{self, Authority, Files};
use crate::kubectl::Kubectl;
use crate::member::Member;
use crate::program::{self, Program};

/// Kubernetes itself gives a server that long on a machine that is overloaded.
const START: Duration = Duration::from_secs(120);

/// The namespace is private, so the usual port is free.
const PORT: u16 = 6443;

/// The API server with its store.
pub struct ControlPlane {
    server: Option<Program>,
    _etcd: Program,
    authority: Authority,
    certificate: Files,
    admin: Files,
    tokens: Files,
    assets: Assets,
    directory: PathBuf,
    host: Member,
    emulated: Option<&'static str>,
    /// As administrator.
    pub kubectl: Kubectl,
    /// What the server was asked.
    pub audit: Audit,
}

impl ControlPlane {
    /// Starts both and waits until the server is ready. It behaves like the version that is `emulated`, if one is.
    pub(crate) fn start(
        assets: &Assets,
        directory: &Path,
        host: Member,
        emulated: Option<&'static str>,
    ) -> Result<Self> {
        let authority = Authority::new(directory)?;
        let address = host.ipv4.to_string();
        let names = ["127.0.0.1", &address, "10.96.0.1", "kubernetes.default.svc"];
        let certificate = authority.server("apiserver", &names)?;
        let admin = authority.user("admin", Some("system:masters"))?;
        let kubeconfig = kubeconfig_of(directory, &address, &authority, "admin", &credentials(&admin))?;
        let kubectl = Kubectl {
            program: assets.program("kubectl")?,
            kubeconfig,
            cache: directory.join("kubectl-cache"),
            namespace: host.namespace.run(ferrolb_netio::Namespace::current)??,
        };
        let etcd = start_etcd(assets, directory, &host)?;
        let mut this = Self {
            server: None,
            _etcd: etcd,
            tokens: certificate::token_keys(directory)?,
            audit: Audit {
                log: directory.join("audit.log"),
            },
            authority,
            certificate,
            admin,
            assets: assets.clone(),
            directory: directory.to_path_buf(),
            host,
            emulated,
            kubectl,
        };
        this.start_server()?;
        Ok(this)
    }

    /// Starts the server, again after [`ControlPlane::kill_server`]: same address, same objects.
    ///
    /// # Errors
    /// When it does not get ready in two minutes, with the end of its log.
    pub fn start_server(&mut self) -> Result<()> {
        let mut command = self.server_command()?;
        let mut server = Program::start(
            "kube-apiserver",
            &self.host.namespace,
            &self.directory,
            &mut command,
        )?;
        server.until(START, "is ready", || {
            self.kubectl.run(["get", "--raw", "/readyz"])
        })?;
        self.server = Some(server);
        Ok(())
    }

    /// Kills the server, which would wait a minute for its watchers; the store goes on.
    pub fn kill_server(&mut self) {
        self.server = None;
    }

    /// Creates many objects as fast as the server takes them; `kubectl` sends 50 in a second.
    ///
    /// # Errors
    /// With what `curl` says.
    pub fn create_many(
        &self,
        collection: &str,
        objects: impl IntoIterator<Item = serde_json::Value>,
    ) -> Result<()> {
        let url = format!("https://{}:{PORT}{collection}", self.host.ipv4);
        let transfer = |object: serde_json::Value| {
            let body = object.to_string().replace('\\', "\\\\").replace('"', "\\\"");
            format!(
                "url = \"{url}\"\ncacert = {:?}\ncert = {:?}\nkey = {:?}\nheader = \"Content-Type: application/json\"\n\
                 data = \"{body}\"\nfail\noutput = /dev/null\n",
                self.authority.certificate, self.admin.certificate, self.admin.key
            )
        };
        let transfers: Vec<String> = objects.into_iter().map(transfer).collect();
        let config = self.directory.join("create-many.curl");
        fs::write(&config, transfers.join("next\n"))?;
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--parallel",
            "--parallel-max",
            "16",
            "--config",
        ])
        .arg(config);
        program::output(&self.host.namespace, &mut curl)?;
        Ok(())
    }

    /// The server for single requests, as administrator.
    #[must_use]
    pub fn api(&self) -> Api {
        let files = [
            ("--cacert", &self.authority.certificate),
            ("--cert", &self.admin.certificate),
            ("--key", &self.admin.key),
        ];
        let credentials = files
            .into_iter()
            .flat_map(|(flag, file)| [flag.into(), file.into()]);
        Api {
            url: format!("https://{}:{PORT}", self.host.ipv4),
            credentials: credentials.collect(),
            host: self.host.clone(),
        }
    }

    /// A kubeconfig with a token of this ServiceAccount in `metallb-system`: its roles and nothing else.
    ///
    /// # Errors
    /// When the account does not exist.
    pub fn account_kubeconfig(&self, account: &str) -> Result<PathBuf> {
        self.token_kubeconfig(account, &self.account_token(account)?)
    }

    /// A kubeconfig with this token.
    pub(crate) fn token_kubeconfig(&self, name: &str, token: &str) -> Result<PathBuf> {
        self.kubeconfig(name, &json!({ "token": token }))
    }

    /// A new token of this ServiceAccount in `metallb-system`.
    pub(crate) fn account_token(&self, account: &str) -> Result<String> {
        let token = self.kubectl.run([
            "-n",
            "metallb-system",
            "create",
            "token",
            account,
            "--duration=1h",
        ])?;
        Ok(token.trim().to_owned())
    }

    /// A kubeconfig for one of the system's own users, like `system:kube-proxy`.
    pub(crate) fn user_kubeconfig(&self, user: &str) -> Result<PathBuf> {
        self.kubeconfig(
            &user.replace(':', "-"),
            &credentials(&self.authority.user(user, None)?),
        )
    }

    /// Where the server can be reached, and everything that runs beside it.
    #[must_use]
    pub fn namespace(&self) -> &ferrolb_netio::Namespace {
        &self.host.namespace
    }

    /// Who hosts the server, for processes that run beside it.
    pub(crate) const fn host(&self) -> &Member {
        &self.host
    }

    fn kubeconfig(&self, name: &str, credentials: &serde_json::Value) -> Result<PathBuf> {
        kubeconfig_of(
            &self.directory,
            &self.host.ipv4.to_string(),
            &self.authority,
            name,
            credentials,
        )
    }

    fn server_command(&self) -> Result<Command> {
        let policy = self.directory.join("audit-policy.json");
        fs::write(&policy, audit::POLICY)?;
        let mut command = Command::new(self.assets.program("kube-apiserver")?);
        let ca = self.authority.certificate.as_path();
        for (flag, file) in [
            ("--cert-dir", self.directory.as_path()),
            ("--tls-cert-file", &self.certificate.certificate),
            ("--tls-private-key-file", &self.certificate.key),
            ("--client-ca-file", ca),
            ("--service-account-key-file", &self.tokens.certificate),
            ("--service-account-signing-key-file", &self.tokens.key),
            ("--audit-policy-file", &policy),
            ("--audit-log-path", &self.audit.log),
        ] {
            command.arg(flag).arg(file);
        }
        command
            .arg(format!("--bind-address={}", self.host.ipv4))
            .arg(format!("--secure-port={PORT}"));
        command
            .arg(format!("--advertise-address={}", self.host.ipv4))
            .args([
                "--etcd-servers=http://127.0.0.1:2379",
                "--service-account-issuer=https://cluster",
                "--service-cluster-ip-range=10.96.0.0/16,fd00:96::/112",
                "--authorization-mode=Node,RBAC",
                "--endpoint-reconciler-type=none",
                // Without kube-proxy here, webhooks are reached by the addresses of their EndpointSlice.
                "--enable-aggregator-routing=true",
            ]);
        if let Some(version) = self.emulated {
            command.arg(format!("--emulated-version={version}"));
        }
        Ok(command)
    }
}

fn start_etcd(assets: &Assets, directory: &Path, host: &Member) -> Result<Program> {
    let mut command = Command::new(assets.program("etcd")?);
    command.arg("--data-dir").arg(directory.join("etcd")).args([
        "--unsafe-no-fsync",
        "--log-level=warn",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--initial-advertise-peer-urls=http://127.0.0.1:2380",
        "--initial-cluster=default=http://127.0.0.1:2380",
    ]);
    Program::start("etcd", &host.namespace, directory, &mut command)
}

fn credentials(files: &Files) -> serde_json::Value {
    json!({ "client-certificate": files.certificate, "client-key": files.key })
}

/// JSON is YAML.
fn kubeconfig_of(
    directory: &Path,
    address: &str,
    authority: &Authority,
    name: &str,
    credentials: &serde_json::Value,
) -> Result<PathBuf> {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "cluster", "cluster": {
            "server": format!("https://{address}:{PORT}"), "certificate-authority": authority.certificate } }],
        "users": [{ "name": name, "user": credentials }],
        "contexts": [{ "name": "cluster", "context": { "cluster": "cluster", "user": name } }],
        "current-context": "cluster",
    });
    let path = directory.join(format!("{name}.kubeconfig"));
    fs::write(&path, serde_json::to_vec(&config)?)?;
    Ok(path)
}
