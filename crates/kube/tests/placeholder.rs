//! The ConfigurationState of a process that judges nothing, against the in-memory API server. Time is virtual.

use core::time::Duration;

use ferrolb_api::Component;
use ferrolb_apiserver::{ApiError, ApiServer, Fault, Options, Target, Verb};
use ferrolb_kube::Client;
use ferrolb_kube::configuration_state::{Identity, keep_placeholder};
use ferrolb_kube::connection::Connection;
use serde_json::{Value, json};

const NAMESPACE: &str = "metallb-system";
const STATES: &str = "configurationstates.metallb.io";
const PATH: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates/controller";

fn server() -> ApiServer {
    ApiServer::new(Options::default()).expect("the bundled definitions are valid")
}

fn client(server: &ApiServer) -> Client {
    Client::new(server.clone(), "default")
}

fn start(server: &ApiServer) -> tokio::task::JoinHandle<()> {
    let identity = Identity {
        component: Component::Controller,
        namespace: NAMESPACE.into(),
        pod: None,
    };
    let watches = Connection::default().watches();
    tokio::spawn(keep_placeholder(client(server), identity, watches))
}

fn stored(server: &ApiServer) -> Option<Value> {
    server.get(STATES, NAMESPACE, "controller")
}

fn result(server: &ApiServer) -> Value {
    stored(server).unwrap_or_default()["status"]["result"].clone()
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn send(server: &ApiServer, request: http::request::Builder, body: &Value) {
    let body = if body.is_null() {
        vec![]
    } else {
        body.to_string().into_bytes()
    };
    let request = request.body(body).expect("a request");
    client(server).request_text(request).await.expect("accepted");
}

#[tokio::test(start_paused = true)]
async fn it_is_made_once_and_says_unknown() {
    let server = server();
    let keeper = start(&server);
    pass(60).await;
    let object = stored(&server).expect("an object");
    assert_eq!(object["status"], json!({ "result": "Unknown" }));
    let labels = json!({ "metallb.io/component-type": "controller" });
    assert_eq!(object["metadata"]["labels"], labels);
    assert_eq!(
        server.writes().len(),
        2,
        "one for the object and one for its status"
    );
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn it_comes_back_when_it_is_deleted() {
    let server = server();
    let keeper = start(&server);
    pass(60).await;
    send(&server, http::Request::delete(PATH), &Value::Null).await;
    pass(60).await;
    assert_eq!(result(&server), json!("Unknown"));
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn what_a_controller_has_reported_is_left_alone_before_and_after() {
    let server = server();
    let object = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "ConfigurationState",
        "metadata": { "name": "controller", "namespace": NAMESPACE, "annotations": { "ferrolb.io/told": "x" } } });
    server.create(object).expect("valid");
    let valid = json!({ "status": { "result": "Valid" } });
    let patch = || {
        http::Request::patch(format!("{PATH}/status")).header("content-type", "application/merge-patch+json")
    };
    send(&server, patch(), &valid).await;
    server.clear_requests();
    let keeper = start(&server);
    pass(60).await;
    send(&server, patch(), &json!({ "status": { "result": "Invalid" } })).await;
    pass(60).await;
    assert_eq!(result(&server), json!("Invalid"));
    assert_eq!(server.writes().len(), 1, "that was the controller's");
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn one_that_a_controller_fills_at_the_same_time_is_the_controllers() {
    let server = server();
    let status = Target {
        subresource: Some("status".to_owned()),
        ..Target::new(Verb::Patch, STATES)
    };
    server
        .faults()
        .next(1, status, Fault::Delay(Duration::from_secs(5)));
    let keeper = start(&server);
    pass(2).await;
    let valid = json!({ "status": { "result": "Valid" } });
    let request =
        http::Request::patch(format!("{PATH}/status")).header("content-type", "application/merge-patch+json");
    send(&server, request, &valid).await;
    pass(60).await;
    assert_eq!(result(&server), json!("Valid"));
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn a_role_that_forbids_it_is_asked_again_ever_more_slowly() {
    let server = server();
    let forbidden = Fault::Refuse(ApiError::forbidden(STATES, "controller", "no"));
    server
        .faults()
        .always(Target::new(Verb::Create, STATES), forbidden);
    let keeper = start(&server);
    pass(600).await;
    let asked = server
        .requests()
        .iter()
        .filter(|r| r.verb == Verb::Create)
        .count();
    assert!((4..30).contains(&asked), "{asked}");
    server.faults().clear();
    pass(120).await;
    assert_eq!(result(&server), json!("Unknown"));
    keeper.abort();
}
