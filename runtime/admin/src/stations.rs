//! [`Stations`]: what a request passes from its head to its answer, in this order: the door (TCP), its route, and the
//! stamp that says where the answer is from.
//!
//! A message or a query for one engine goes *straight* to its handler, and its answer straight out: such requests are
//! nearly all that a node is asked. All others go by the router, which does the same for them with more ado.

use crate::body::Arriving;
use crate::guard::Door;
use crate::outgoing::Outgoing;
use crate::routes::{App, Straight};
use crate::seat::Seat;
use crate::{Replied, origin, problem};
use axum::Router;
use axum::body::HttpBody;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;

/// The stations of one listener.
pub(crate) struct Stations {
    app: App,
    door: Option<Door>,
    routes: TowerToHyperService<Router>,
    /// Whether clients reach engines here.
    has_engines: bool,
    life: Option<HeaderValue>,
}

/// The facts of the request that the stamp needs.
struct Asked<'a> {
    path: &'a str,
    /// There is no body, or it came with the head.
    is_whole: bool,
}

impl Stations {
    /// Those of a listener for clients.
    pub(crate) fn new(app: App, door: Option<Door>, routes: Router) -> Self {
        Self {
            life: HeaderValue::try_from(app.node.life().to_string()).ok(),
            app,
            door,
            routes: TowerToHyperService::new(routes),
            has_engines: true,
        }
    }

    /// Those of a listener for probes.
    pub(crate) fn for_probes(app: App, door: Door, routes: Router) -> Self {
        Self {
            has_engines: false,
            ..Self::new(app, Some(door), routes)
        }
    }

    /// The answer to a request.
    pub(crate) async fn answer(
        &self,
        seat: &Arc<Seat>,
        request: Request<Incoming>,
    ) -> Response<Outgoing> {
        seat.begin_request();
        let is_whole = request.body().is_end_stream();
        if let Some(door) = &self.door {
            if let Err(refusal) = door.check(&request) {
                let path = request.uri().path();
                return self.stamp(refusal.into_response(), seat, Asked { path, is_whole });
            }
            seat.introduce();
        }
        match self.straight(&request) {
            Some(straight) => {
                let (head, body) = request.into_parts();
                let headers = &head.headers;
                let arriving = Arriving { headers, body };
                let done = straight.run(&self.app, seat, arriving).await;
                let path = head.uri.path();
                match done {
                    Ok(replied) => self.reply(replied),
                    Err(refusal) => {
                        self.stamp(refusal.into_response(), seat, Asked { path, is_whole })
                    }
                }
            }
            // In a box: it is large, and few requests need it.
            None => Box::pin(self.by_router(seat, request, is_whole)).await,
        }
    }

    fn straight(&self, request: &Request<Incoming>) -> Option<Straight> {
        match self.has_engines {
            true => Straight::of(request.method(), request.uri().path()),
            false => None,
        }
    }

    async fn by_router(
        &self,
        seat: &Arc<Seat>,
        mut request: Request<Incoming>,
        is_whole: bool,
    ) -> Response<Outgoing> {
        let uri = request.uri().clone();
        request.extensions_mut().insert(seat.clone());
        // The router refuses nothing by an error.
        let response = self
            .routes
            .call(request)
            .await
            .unwrap_or_else(|never| match never {});
        let path = uri.path();
        self.stamp(response, seat, Asked { path, is_whole })
    }

    /// An engine's reply or answer on its way out.
    fn reply(&self, replied: Replied) -> Response<Outgoing> {
        let moment = replied.moment();
        let mut response = Response::new(Outgoing::Text(replied.body));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        origin::say(headers, moment, replied.repeated);
        self.say_life(&mut response);
        response
    }

    /// Writes a refusal as its problem, and says of what leaves where it is from.
    fn stamp(&self, mut response: Response, seat: &Seat, asked: Asked<'_>) -> Response<Outgoing> {
        problem::render(&mut response, asked.path);
        origin::close_if_refused(&mut response, seat, asked.is_whole);
        origin::say_if_unsaid(response.headers_mut(), &*self.app.node);
        let mut response = response.map(Outgoing::Other);
        self.say_life(&mut response);
        response
    }

    fn say_life(&self, response: &mut Response<Outgoing>) {
        let headers = response.headers_mut();
        headers.insert(&origin::BRANCH, self.app.node.branch().into());
        if self.app.node.is_unconfirmed() {
            headers.insert(origin::HEADER_UNCONFIRMED, HeaderValue::from_static("true"));
        }
        if let Some(life) = &self.life {
            headers.insert(&origin::LIFE, life.clone());
        }
    }
}
